"""Errors that quote no post.

What our own code raises says what was wrong without repeating it, and what AWS answers names the
operation. An error that nobody foresaw comes from a library that was given a post, and libraries
like to quote: ``could not convert string to float: '…'``. Lambda writes an error's message to the
log, and Step Functions to the execution's history and from there to people's mailboxes.
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
"""Packages whose errors may speak; a function's own module is ``handler``."""


class UnforeseenError(RuntimeError):
    """An error of a kind and at a place that are known, with a message that is not passed on."""


def redact_errors(handler: Callable[P, R]) -> Callable[P, R]:
    """Let a handler's errors out, but none whose message could quote a post.

    Raises
    ------
    UnforeseenError
        In place of any error that is neither ours nor AWS's.
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
    """Say of an error what it is and where it came from, and not what it says."""
    return UnforeseenError(
        f"{type(error).__name__} at {_place(error)}; "
        "its message is left out, as it could quote a post"
    )


def cause(error: BaseException) -> str:
    """Say what went wrong in a call of AWS: the operation and the code, or the kind of error.

    Not the message: a refusal of Kinesis quotes partition keys.
    """
    if isinstance(error, ClientError):
        return f"{error.operation_name}: {error_code(error)}"
    return type(error).__name__


def _place(error: Exception) -> str:
    """Return the innermost lines of our own code and of the library that it called."""
    frames = traceback.extract_tb(error.__traceback__)[1:][-3:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)
