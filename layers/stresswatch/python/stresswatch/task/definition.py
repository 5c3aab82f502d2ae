"""The task of the process: the shipped `task.toml`, or the file in `STRESSWATCH_TASK`.

It is read once, at import. AWS has no such variable: layer and images contain the file that
`STRESSWATCH_TASK` named during synthesis.
"""

from __future__ import annotations

import os
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE, parse_task
from stresswatch.task.sections import Task as Task
from stresswatch.task.table import InvalidTask

SHIPPED_FILE = Path(__file__).with_name("task.toml")


def task_file() -> Path:
    """Return the task's file."""
    return Path(os.environ.get(TASK_VARIABLE) or SHIPPED_FILE)


def read_task(path: Path) -> Task:
    """Read a task from its file.

    Raises
    ------
    InvalidTask
        When the file does not exist, or is not a valid task.
    """
    try:
        return parse_task(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidTask(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidTask(f"{path}: it is not UTF-8") from None
    except InvalidTask as error:
        raise InvalidTask(f"{path}: {error}") from None


def _task_of_process() -> Task:
    try:
        return read_task(task_file())
    except InvalidTask as error:
        if os.environ.get(TASK_VARIABLE):
            remedy = f"{TASK_VARIABLE} names it: correct it, or unset the variable"
            raise InvalidTask(f"{error}. {remedy}.") from None
        raise


TASK = _task_of_process()
