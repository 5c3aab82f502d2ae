"""`stresswatch reset`: delete the state of a folder's local stack, and nothing else.

Only files with known names are deleted. Everything else in the folder stays. A link is removed and
not followed, and a folder without the local stack's lock stays untouched.
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
    APP_DIRECTORY.name: "the synthesised app",
    SETTINGS_FILE: "the settings of `up --set`",
    TRACKING_DIRECTORY.name: "MLflow's records of trainings",
}
_LOCK = "local.lock"
_STATE = {
    "state": "streams, buckets with their data and models, and the stack's other resources",
    "checkpoints": "how far the streams were read",
    "local.log": "the log",
    "local.json": "the description of the stack",
    "local.tmp": "the description of the stack",
    _LOCK: "the lock",
}


def contents(directory: Path) -> dict[Path, str]:
    """Return the files to delete in order, with descriptions; the lock is last.

    Raises
    ------
    OperatorError
        When the directory exists, but holds no local stack's state.
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
    """List the state, ask, stop the stack and delete its state; list the deleted files.

    Parameters
    ----------
    confirm
        Ask a question, and raise if the answer is no.

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
        say(f"Nothing to delete: {where} has no local stack.")
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
        say(f"Not deleted, because Stresswatch did not make it: {left}.")


def _delete(directory: Path) -> list[Path]:
    """Delete the state while the lock blocks a new start, and the folder if it is empty."""
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
