"""Commands in the documentation, and the tests that type them.

Tests type the pages of `tests/e2e/pages.py` unchanged, line by line, on the local stack. A line
with other requirements has its own test, or a reason why no test runs it.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from docs.__main__ import PROJECT, files

PAGES = [path for path in files() if path.suffix == ".md"]
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)

TYPED_BY = {
    "make help": "tests/unit/test_commands.py",
    "make docs": "tests/unit/test_docs.py",
    "make demo": "tests/e2e/test_demo.py",
    "make mlflow": "tests/e2e/test_demo.py",
    "make hooks": "tests/e2e/test_make.py",
    "make prose FILES=SECURITY.md": "tests/unit/test_style.py",
    "make aws-check": "tests/e2e/test_make.py",
    "make diff STAGE=dev": "tests/e2e/test_make.py",
    "make diff STAGE=staging BASE=HEAD~1": "tests/e2e/test_make.py",
    "python -m grafana.dashboard > grafana/dashboards/stresswatch.json": "tests/infrastructure/"
    "test_dashboard.py",
    "stresswatch produce posts.csv --check": "tests/unit/cli/test_post_file_cases.py",
    "stresswatch label labels.csv --check --json": "tests/unit/cli/test_post_file_cases.py",
    "python -m docs.screenshot dashboard docs/images/dashboard.png": "tests/e2e/test_dashboard.py",
    "python -m docs.screenshot quality docs/images/quality.png": "tests/e2e/test_dashboard.py",
    "python -m docs.screenshot phone docs/images/phone.png": "tests/e2e/test_dashboard.py",
    "python -m docs.screenshot card docs/images/card.png": "tests/e2e/test_dashboard.py",
    "python -m docs.screenshot api docs/images/api.png": "tests/e2e/test_dashboard.py",
    "python -m docs.screenshot mlflow docs/images/mlflow.png": "tests/e2e/test_demo.py",
    "python -m docs.rate_picture docs/images/stress-rate.png": "tests/e2e/test_dashboard.py",
    "stresswatch api --local": "tests/e2e/test_web_page.py",
    "stresswatch queue --stage prod": "tests/e2e/test_labelling.py",
    "stresswatch queue --stage prod --json": "tests/e2e/test_labelling.py",
    "stresswatch queue --width 10 --stage prod": "tests/e2e/test_labelling.py",
    "stresswatch queue export --format label-studio --blind --output tasks.json "
    "--stage prod": "tests/e2e/test_labelling.py",
    "stresswatch label project-1.json --check": "tests/e2e/test_labelling.py",
    "stresswatch label project-1.json --stage prod": "tests/e2e/test_labelling.py",
    "stresswatch annotate --stage prod": "tests/e2e/test_labelling.py",
    'stresswatch approve VERSION --why "..." --stage prod': "tests/e2e/test_retraining.py",
    'stresswatch reject VERSION --why "..." --stage prod': "tests/e2e/test_retraining.py",
}
"""Lines of shell, and the file of the test that types them literally."""

NOT_RUN = {
    "make test": "it is what runs this",
    "make check": "`make test` begins with it",
    "make images": "takes minutes, and Docker or root: it is a job of .github/workflows/test.yml",
    "python -m docs.scene": "takes most of an hour: tests/e2e/test_demo.py plays its scenario, and "
    "tests/unit/test_scene.py its stream",
    "make deploy STAGE=prod FORCE=1": "the emulator has no canary to leave out; its template is in "
    "tests/infrastructure/test_stages.py",
    "aws service-quotas list-service-quotas --service-code sagemaker "
    "--query \"Quotas[?contains(QuotaName, 'training job usage') && "
    "contains(QuotaName, 'ml.m5.large')].[QuotaName, Value]\"": "the emulator has no quotas",
    "gh attestation verify stresswatch-0.1.0-py3-none-any.whl --repo OWNER/REPOSITORY": "needs a "
    "release on GitHub",
    "aws sns subscribe --topic-arn TOPIC_ARN --protocol email "
    "--notification-endpoint YOU@EXAMPLE.ORG": "sends an e-mail",
    ".venv/bin/stresswatch data fetch": "asks the authors' page; tests/unit/cli/test_fetching.py "
    "has another in its place",
}
"""Lines that no test types, and why; the files that a reason names exist."""

PLAYED_BY = {
    ("docs/tutorial.md", "Run the loop"): "tests/e2e/test_tutorial.py",
    ("docs/another-data-set.md", "From a CSV to a served model"): "tests/e2e/test_walk.py",
    ("docs/operations.md", "Deploying a stage"): "tests/e2e/test_delivery.py",
}
"""Sections whose lines are all typed by one test, except those above; each has its own stack."""


@dataclass(frozen=True)
class Command:
    """A line of a shell block, without its comment, and its position."""

    page: str
    section: str
    line: str


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the code blocks of a page: their languages and contents."""
    return [(language, textwrap.dedent(block)) for _, language, block in _BLOCK.findall(text)]


def without_blocks(text: str) -> str:
    return _BLOCK.sub("", text)


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def commands() -> list[Command]:
    """Return every shell line; lines continued by a backslash are joined."""
    return [
        Command(name(page), section, line)
        for page in PAGES
        for section, text in _sections(page.read_text())
        for language, block in blocks(text)
        if language == "sh"
        for line in map(_without_comment, re.sub(r"\\\n\s*", "", block).splitlines())
        if line
    ]


def typed_as_they_are() -> dict[str, list[str]]:
    """Return the lines of each page that tests type on the local stack, in their order.

    A line of `stresswatch` or `make` on several pages is typed once: in a section that is played,
    or else on the first page.
    """
    pages: dict[str, list[str]] = {}
    played = [one.line for one in commands() if (one.page, one.section) in PLAYED_BY]
    done = set(filter(_is_typed_once, played))
    for command in commands():
        is_elsewhere = command.line in {**TYPED_BY, **NOT_RUN} or command.line in done
        if not is_elsewhere and (command.page, command.section) not in PLAYED_BY:
            pages.setdefault(command.page, []).append(command.line)
        if _is_typed_once(command.line):
            done.add(command.line)
    return pages


def speaks(line: str) -> bool:
    """Return whether a line does more than set a variable."""
    return not re.match(r"(export )?\w+=|\w+\(\) \{", line)


def _is_typed_once(line: str) -> bool:
    return line.startswith(("stresswatch ", "make ")) and "$" not in line


def _sections(text: str) -> list[tuple[str, str]]:
    first, *others = _HEADING.split(text)
    return [("", first), *zip(others[::2], others[1::2], strict=True)]


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s+)# .*", "", line).rstrip()
