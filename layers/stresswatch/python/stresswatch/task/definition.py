"""The task of this process: the shipped `task.toml`, or the file that `STRESSWATCH_TASK` names.

It is read once, at import. On AWS there is no such variable: layer and images hold the file that
`STRESSWATCH_TASK` named when the stack was synthesized.
"""

from __future__ import annotations

import os
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE, InvalidTask, parse_task
from stresswatch.task.sections import Task as Task

SHIPPED_FILE = Path(__file__).with_name("task.toml")


def task_file() -> Path:
    """Return the file of the task."""
    return Path(os.environ.get(TASK_VARIABLE) or SHIPPED_FILE)


def read_task(path: Path) -> Task:
    """Read a task from its file.

    Raises
    ------
    InvalidTask
        When there is no such file, or it is no task.
    """
    try:
        return parse_task(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidTask(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidTask(f"{path}: it is not UTF-8") from None
    except InvalidTask as error:
        raise InvalidTask(f"{path}: {error}") from None


TASK = read_task(task_file())
