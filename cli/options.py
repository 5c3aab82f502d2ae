"""Arguments and options that several commands share, and their rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import console, stderr
from cli.errors import OperatorError
from cli.post_files import Wanted, check_only


def _reason(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("a reason must not be blank")
    return why


def named(file: Path | str | None) -> Path | str | None:
    """Return a file's name; reject names that are invalid in S3 keys."""
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("the file's name is not UTF-8; rename it") from None
    return file


def require_new(file: Path | None, option: str) -> None:
    """Reject an existing file: no command overwrites one.

    Raises
    ------
    OperatorError
    """
    if file and file.exists():
        raise OperatorError(f"{file} exists already; give another {option}.")


Local = Annotated[bool, typer.Option("--local", help="Use the local stack instead of AWS.")]
Stage = Annotated[str, typer.Option(help="The stage, on AWS.")]
Version = Annotated[str, typer.Argument(help="A model version.", show_default=False)]
Why = Annotated[
    str,
    typer.Option(help="Reason, for the record.", show_default=False, callback=_reason),
]
File = Annotated[Path, typer.Argument(help="The file to read.", show_default=False, callback=named)]
Yes = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

Check = Annotated[bool, typer.Option("--check", help="Only check the file; needs no stack.")]
CheckAsJson = Annotated[bool, typer.Option("--json", help="With --check: one JSON object.")]


def only_checked(file: Path | str | None, wanted: Wanted, *, check: bool, as_json: bool) -> bool:
    """Print a report about the file if `--check` is given; return whether it is."""
    if as_json and not check:
        raise typer.BadParameter("--json goes with --check")
    if check and (file is None or str(file).startswith("s3://")):
        raise typer.BadParameter("--check reads a file on this machine; give one")
    if check:
        check_only(Path(str(file)), wanted, stderr if as_json else console, as_json=as_json)
    return check
