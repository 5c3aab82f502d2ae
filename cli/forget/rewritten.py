"""What is left of some bytes, or of a text, without a person's records."""

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
        None where nothing of others was in it.
    removed : Counter of str
        Records by post id.
    unattributed : int
        Records that stay although their owner is unknown.
    """

    content: T | None
    removed: Counter[str] = field(default_factory=Counter)
    unattributed: int = 0
