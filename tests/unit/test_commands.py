"""Every line that the documentation asks you to type is typed by a test, or has a reason."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import zip_longest

import pytest

from tests.conftest import PROJECT
from tests.documented import NOT_RUN, PLAYED_BY, TYPED_BY, commands, speaks, typed_as_they_are
from tests.e2e.pages import PAGES

MAKEFILE = (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("page", typed_as_they_are())
def test_every_page_with_commands_is_tested(page: str) -> None:
    assert page in PAGES, (
        f"{page} has lines to type. Say in tests/e2e/pages.py what they are typed on and what "
        "they print; or in tests/documented.py which test types them, or why none can: "
        f"{typed_as_they_are()[page]}"
    )
    lines = filter(speaks, typed_as_they_are()[page])
    said = [begins for begins, _ in PAGES[page].says]
    wrong = [
        f"{line or 'no line'}, where {begins or 'nothing'} is expected"
        for line, begins in zip_longest(lines, said, fillvalue="")
        if not begins or not line.startswith(begins)
    ]
    assert wrong == [], f"say in tests/e2e/pages.py what each line of {page} prints"


def test_every_prepared_page_has_commands() -> None:
    assert PAGES.keys() - typed_as_they_are().keys() == set()


@pytest.mark.parametrize("line", {**TYPED_BY, **NOT_RUN})
def test_every_listed_line_is_in_the_documentation(line: str) -> None:
    assert line in {command.line for command in commands()}


@pytest.mark.parametrize(("line", "file"), TYPED_BY.items())
def test_a_line_with_its_own_test_is_typed_there_verbatim(line: str, file: str) -> None:
    assert line in (PROJECT / file).read_text()


@pytest.mark.parametrize(("line", "reason"), NOT_RUN.items())
def test_the_reason_for_not_testing_a_line_is_valid(line: str, reason: str) -> None:
    """The files that it names exist, and the job runs the target."""
    for file in re.findall(r"[\w./-]+\.(?:py|yml)\b", reason):
        assert (PROJECT / file).is_file()
        if "workflows" in file:
            assert " ".join(line.split()[:2]) in (PROJECT / file).read_text()


def test_every_tested_section_exists_on_its_page() -> None:
    assert PLAYED_BY.keys() <= {(command.page, command.section) for command in commands()}
    assert all((PROJECT / file).is_file() for file in PLAYED_BY.values())


@pytest.mark.parametrize("target", ["deploy", "destroy", "diff"])
def test_a_target_without_its_stage_says_how_to_set_it(target: str) -> None:
    without = {name: value for name, value in os.environ.items() if name != "STAGE"}
    done = subprocess.run(
        ["make", "--dry-run", target],
        cwd=PROJECT,
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"Say which stage: make {target} STAGE=dev." in done.stderr


def test_make_help_lists_the_targets() -> None:
    said = subprocess.run(
        "make help", shell=True, cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in said.splitlines()} >= {"demo", "test", "synth", "docs"}
