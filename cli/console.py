"""Output of the command, and its reports of errors that an operator can act on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from cli.errors import OperatorError, sentence
from cli.program import as_called
from local import LocalStackError
from stresswatch.aws.identifiers import printable


class SafeConsole(Console):
    """A console that shows control characters: texts come from untrusted users.

    Its hints name the command as it was called, so that a reader can type them.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(as_called(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_shown(segment.text))


console = SafeConsole()
stderr = SafeConsole(stderr=True)


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


def literal(text: str) -> str:
    """Return an untrusted text, such as a name, as markup that shows it literally on one line."""
    return escape(printable(text))


def _shown(text: str) -> str:
    """Return a text of one or more lines as `printable` does; keep whitespace."""
    if text.isprintable():
        return text
    lines = text.split("\n")
    return "\n".join(line if line.isprintable() else printable(line) for line in lines)


def _fail(message: str) -> NoReturn:
    stderr.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1) from None
