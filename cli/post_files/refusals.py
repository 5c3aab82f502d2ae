"""What is wrong with a file of posts, as a whole."""

from __future__ import annotations

from cli.errors import OperatorError


class FileRefused(OperatorError):
    """A file that is not read: the message says what is wrong, where, and what to do.

    Attributes
    ----------
    reason : str
        One word for counting, such as ``column_missing``.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason
