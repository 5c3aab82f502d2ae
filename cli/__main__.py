"""The command's entry point. It reads the task before modules that derive from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE
from stresswatch.task.table import InvalidTask


def main() -> None:
    """Run the command; report an invalid `STRESSWATCH_TASK` in one sentence."""
    if given := os.environ.get(TASK_VARIABLE):
        # Processes that the command starts work in other folders.
        os.environ[TASK_VARIABLE] = str(Path(given).resolve())
    try:
        from cli.main import app
    except InvalidTask as error:
        sys.exit(str(error))
    app()


if __name__ == "__main__":
    main()
