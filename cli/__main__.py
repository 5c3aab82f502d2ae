"""The command's entry point, which reads the task before anything that derives from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from stresswatch.task.reading import TASK_VARIABLE, InvalidTask


def main() -> None:
    """Run the command; end with a sentence where `STRESSWATCH_TASK` names no task."""
    if given := os.environ.get(TASK_VARIABLE):
        # What the command starts works in other folders.
        os.environ[TASK_VARIABLE] = str(Path(given).resolve())
    try:
        from cli.main import app
    except InvalidTask as error:
        sys.exit(str(error))
    app()


if __name__ == "__main__":
    main()
