"""Errors without post content.

Our own errors never repeat a value, and AWS errors name the operation. An unforeseen error comes
from a library that processed a post, and libraries like to quote: ``could not convert string to
float: '…'``. Lambda writes error messages to the log. Step Functions writes them to the execution's
history, and from there they reach mailboxes.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import PurePath
from typing import ParamSpec, TypeVar

from botocore.exceptions import ClientError

from stresswatch.aws.s3 import error_code

P = ParamSpec("P")
R = TypeVar("R")

_WITHOUT_QUOTES = ("stresswatch", "handler", "lambdas", "botocore")
"""Packages whose messages are safe; a function's own module is ``handler``."""


class UnforeseenError(RuntimeError):
    """An unforeseen error, with its kind and location but without its message."""


def redact_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """Pass on a handler's errors, except those whose message could quote a post.

    Raises
    ------
    UnforeseenError
        Replaces any error that is neither ours nor AWS's.
    """

    @wraps(handler)
    def guarded(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return handler(*arguments, **named)
        except Exception as error:
            if type(error).__module__.partition(".")[0] in _WITHOUT_QUOTES:
                raise
            in_its_place = unforeseen(error)
        raise in_its_place

    return guarded


def unforeseen(error: Exception) -> UnforeseenError:
    """Describe an error by its kind and location, without its message."""
    return UnforeseenError(
        f"{type(error).__name__} at {_place(error)}; "
        "its message is omitted because it could quote a post"
    )


def cause(error: BaseException) -> str:
    """Describe a failed AWS call by the operation and the code, or the kind of error.

    The message is omitted, because a Kinesis refusal quotes partition keys.
    """
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error_code(error)}"
    return type(error).__name__


def _place(error: Exception) -> str:
    """Return the innermost lines of our own code and of the called library."""
    frames = traceback.extract_tb(error.__traceback__)[1:][-3:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)
