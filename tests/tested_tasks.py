"""The tasks under test.

The suite's examples are about stress. A repository may have a task of its own, in place of the
shipped file or in ``STRESSWATCH_TASK``. The suite then takes the stress task from `STRESS`, and the
tests of `OTHER_TASKS` play the repository's task. `tests/conftest.py` imports this module first.
"""

from __future__ import annotations

import os
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE, parse_task

_PROJECT = Path(__file__).parents[1]
_SHIPPED = _PROJECT / "layers/stresswatch/python/stresswatch/task/task.toml"
STRESS, REVIEWS, NOTES = (
    _PROJECT / "tests/tasks" / name for name in ("stress.toml", "reviews.toml", "notes.toml")
)
_IN_USE = "STRESSWATCH_TESTED_TASK"
"""Variable with the repository's task, for pytest's workers."""


def _is_stress(file: Path) -> bool:
    digests = [parse_task(one.read_text("utf-8")).digest for one in (file, STRESS)]
    return len(set(digests)) == 1


SHIPS_STRESS = _is_stress(_SHIPPED)
if _IN_USE not in os.environ:
    os.environ[_IN_USE] = os.environ.pop(TASK_VARIABLE, "") or str(_SHIPPED)
    if not SHIPS_STRESS:
        os.environ[TASK_VARIABLE] = str(STRESS)
_in_use = Path(os.environ[_IN_USE]).resolve()
OTHER_TASKS = [REVIEWS, NOTES, *([] if _is_stress(_in_use) else [_in_use])]
