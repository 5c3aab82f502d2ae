"""`stresswatch reset`: delete what the local stack of a folder keeps, and nothing else.

What is deleted is known by name. Everything else in the folder stays, a link is removed and not
followed, and a folder that lacks the local stack's lock is not touched.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

import local
from cli.deployment.kept_settings import SETTINGS_FILE
from cli.deployment.target import APP_DIRECTORY, LOCAL_DIRECTORY, TRACKING_DIRECTORY
from cli.errors import OperatorError
from local.state_file import Folder

_MADE_BY_COMMANDS = {
    APP_DIRECTORY.name: "the synthesized app",
    SETTINGS_FILE: "the settings of `up --set`",
    TRACKING_DIRECTORY.name: "MLflow's records of trainings",
}
_LOCK = "local.lock"
_STATE = {
    "state": "streams, buckets with their data and models, and all else that the stack holds",
    "checkpoints": "how far the streams were read",
    "local.log": "the log",
    "local.json": "the description of the stack",
    "local.tmp": "the description of the stack",
    _LOCK: "the lock",
}


def contents(directory: Path) -> dict[Path, str]:
    """Return what a reset deletes, in its order, with what each is; the lock is last.

    Raises
    ------
    OperatorError
        When the directory is there, and is not a folder that a local stack keeps its state in.
    """
    if directory.is_symlink():
        raise OperatorError(
            f"{directory.absolute()} is a link to {directory.resolve()}; delete that by hand. "
            "Nothing was deleted."
        )
    if not directory.exists():
        return {}
    entries = {entry.name for entry in directory.iterdir()}
    if _LOCK not in entries and entries - _MADE_BY_COMMANDS.keys():
        raise OperatorError(
            f"{directory.absolute()} is not the folder of a local stack: it has no {_LOCK}. "
            "Nothing was deleted."
        )
    known = _MADE_BY_COMMANDS | _STATE
    return {directory / name: what for name, what in known.items() if name in entries}


def reset(
    console: Console, confirm: Callable[[str], object], directory: Path = LOCAL_DIRECTORY
) -> None:
    """List what is there, ask, stop the stack and delete its state; list what was deleted.

    Parameters
    ----------
    confirm
        Asks a question, and raises where the answer is no.

    Raises
    ------
    OperatorError
        When the directory is not the folder of a local stack.
    LocalStackError
        When another process is starting or stopping the stack.
    """

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    where = directory.absolute()
    found = contents(directory)
    if not found:
        say(f"Nothing to delete: no local stack has been in {where}.")
        return
    say(f"In {where}:")
    for path, what in found.items():
        say(f"- {path.name}: {what}")
    runs = local.running(directory)
    confirm(f"{'Stop the local stack and delete' if runs else 'Delete'} all of it?")
    if local.down(directory):
        say("Stopped.")
    deleted = _delete(directory)
    say(f"Deleted from {where}: {', '.join(path.name for path in deleted)}.")
    if directory.exists():
        left = ", ".join(sorted(path.name for path in directory.iterdir()))
        say(f"Left, as no command of Stresswatch made it: {left}.")


def _delete(directory: Path) -> list[Path]:
    """Delete what is there while no stack can be started, and the folder where nothing is left."""
    folder = Folder(directory)
    folder.hold()
    paths = [*contents(directory)]
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not any(directory.iterdir()):
        directory.rmdir()
    return paths
