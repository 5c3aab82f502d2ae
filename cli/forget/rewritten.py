"""The remaining bytes or text without a person's records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", bytes, str)


@dataclass(frozen=True)
class Rewritten(Generic[T]):
    """Some bytes, or a text, without a person's records.

    Attributes
    ----------
    content : bytes or str, or None
        None where it has no content of others.
    removed : Counter of str
        Records by post id.
    unattributed : int
        Remaining records with an unknown owner.
    """

    content: T | None
    removed: Counter[str] = field(default_factory=Counter)
    unattributed: int = 0
