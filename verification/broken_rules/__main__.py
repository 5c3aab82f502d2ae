"""Break each rule of the event source mapping in turn; its test must fail.

``python -m verification.broken_rules [--json]`` copies `local/` and its rules' tests to a temporary
folder, changes one line of one rule at a time, and runs the test of this rule. It exits with 1 if a
test still passes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from verification.broken_rules.breaches import BREACHES, Breach

_PROJECT = Path(__file__).parents[2]
_RULES = Path("local/event_source_mapping")
_TESTS = Path("tests/unit/local")
_TESTED = ("batching", "invocation", "shard_progress", "shards")
_PASSED, _FAILED = 0, 1
"""Exit codes of pytest; with others, it could not run the test."""


class RulesCopy:
    """A copy of the rules and their tests, which pass without a broken rule.

    Raises
    ------
    ValueError
        When they fail.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        shutil.copytree(_PROJECT / "local", folder / "local")
        shutil.copytree(_PROJECT / _TESTS, folder / _TESTS)
        whole = " or ".join(breach.test for breach in BREACHES)
        if self._run(whole) != _PASSED:
            raise ValueError("a test of the rules fails or is missing while no rule is broken")

    def sees(self, breach: Breach) -> bool:
        """Return whether the rule's test fails when the rule is broken.

        Raises
        ------
        ValueError
            When the line to break is missing, or the test cannot be run.
        """
        module = self._folder / _RULES / f"{breach.module}.py"
        whole = module.read_text()
        if whole.count(breach.line) != 1:
            raise ValueError(f"{module.name} has no one line to break: {breach.line}")
        module.write_text(whole.replace(breach.line, breach.broken))
        try:
            ended = self._run(breach.test)
        finally:
            module.write_text(whole)
        if ended not in (_PASSED, _FAILED):
            raise ValueError(f"{breach.test} cannot be run")
        return ended == _FAILED

    def _run(self, tests: str) -> int:
        # Of the installed packages only pytest, and no compiled files.
        settings = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider"]
        files = [f"{_TESTS}/test_{name}.py" for name in _TESTED]
        return subprocess.run(  # noqa: S603 - this interpreter
            [*command, "--rootdir", ".", "-k", tests, *files],
            cwd=self._folder,
            env=os.environ | settings,
            capture_output=True,
            check=False,
        ).returncode


@contextmanager
def copied_rules() -> Iterator[RulesCopy]:
    """Copy the rules and their tests temporarily."""
    with tempfile.TemporaryDirectory() as folder:
        yield RulesCopy(Path(folder))


def main() -> None:
    """Break each rule, and print which test detected it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    arguments = parser.parse_args()
    with copied_rules() as copy:
        seen = [copy.sees(breach) for breach in BREACHES]
    if arguments.json:
        rules = [
            {"rule": breach.rule, "test": breach.test, "seen": is_seen}
            for breach, is_seen in zip(BREACHES, seen, strict=True)
        ]
        json.dump({"broken": len(seen), "seen": sum(seen), "rules": rules}, sys.stdout, indent=2)
    else:
        table = Table(
            "rule that was broken", "test", "", caption=f"{sum(seen)} of {len(seen)} seen"
        )
        for breach, is_seen in zip(BREACHES, seen, strict=True):
            table.add_row(breach.rule, breach.test, "fails" if is_seen else "[bold red]passes[/]")
        Console().print(table)
    sys.exit(0 if all(seen) else 1)


if __name__ == "__main__":
    main()
