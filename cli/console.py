"""Where the command prints, and how it reports what an operator can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.errors import OperatorError, sentence
from local import LocalStackError

console = Console()
stderr = Console(stderr=True)


@contextmanager
def errors_in_a_sentence() -> Iterator[None]:
    """Report an error that an operator can act on in one sentence, and exit with 1."""
    try:
        yield
    except (OperatorError, LocalStackError) as error:
        _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        _fail(sentence(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
    except KeyboardInterrupt:
        stderr.print("[yellow]Stopped.[/]")
        raise typer.Exit(130) from None


def _fail(message: str) -> NoReturn:
    stderr.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1) from None
