"""Shadowing: a second version scores live posts beside the champion, for the archive alone.

It is a challenger before its promotion, or the previous champion while the new one is on probation.
Which one is a second pointer, which says itself when it is over: whatever becomes of the workflow
that set it, the predictors stop by themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stresswatch.clock import utc_now
from stresswatch.versions.champion import InvalidPointer, Pointer, ServedModel, read_parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

ARCHIVE_PREFIX = "shadow/"
"""Where a challenger's predictions go, in the archive's bucket and form."""
GRACE = timedelta(minutes=1)
"""How much longer than it is looked at a challenger shadows: it scores after the champion did."""


@dataclass(frozen=True)
class ShadowPointer:
    """Which version shadows, and until when.

    Attributes
    ----------
    on_probation : str
        The champion that the version is kept to compare with, as it served before; empty for a
        challenger.
    """

    pointer: Pointer
    until: datetime
    on_probation: str = ""

    @property
    def role(self) -> str:
        """What the version is beside the champion, for the metric of what it scored."""
        return "previous champion" if self.on_probation else "challenger"

    def to_json(self) -> str:
        fields = {**asdict(self.pointer), "until": self.until.isoformat()}
        if self.on_probation:
            fields["on_probation"] = self.on_probation
        return json.dumps(fields)

    # Nearly `Pointer.from_json`: a function for both would be longer than the lines that it saves.
    @staticmethod
    def from_json(value: str) -> ShadowPointer:
        """Read the pointer's value.

        Raises
        ------
        InvalidPointer
            When the value is no pointer.
        """
        try:
            fields = json.loads(value)
            until = datetime.fromisoformat(fields.pop("until"))
            on_probation = fields.pop("on_probation", "")
            return ShadowPointer(Pointer(**fields), until, on_probation)
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise InvalidPointer(f"the shadow pointer cannot be read: {error}") from error


def read_shadow(ssm: SSMClient, parameter: str) -> ShadowPointer | None:
    """Read which version shadows, and until when; None before the first one does."""
    value = read_parameter(ssm, parameter)
    return None if value is None else ShadowPointer.from_json(value)


def write_shadow(ssm: SSMClient, parameter: str, shadow: ShadowPointer) -> None:
    ssm.put_parameter(Name=parameter, Value=shadow.to_json(), Type="String", Overwrite=True)


class ShadowCache:
    """Keeps the version that shadows in a warm function, until its time is over.

    Parameters
    ----------
    read : callable
        Gives the present pointer.
    load : callable
        Gives the model of a pointer.
    ttl_seconds : float
        How soon the pointer is read again; one that could not be followed is not tried before.
    clock : callable
        Seconds, monotonic.
    now : callable
        The time, which a pointer's end is compared with.
    """

    def __init__(
        self,
        read: Callable[[], ShadowPointer | None],
        load: Callable[[Pointer], ServedModel],
        ttl_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ):
        self._read = read
        self._load = load
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._now = now
        self._shadow: ShadowPointer | None = None
        self._served: ServedModel | None = None
        self._checked_at = float("-inf")

    def current(self) -> ServedModel | None:
        """Return the version that shadows now; None when none does.

        Raises
        ------
        Exception
            Whatever kept the pointer from being read or followed.
        """
        if self._clock() - self._checked_at >= self._ttl_seconds:
            self._checked_at = self._clock()
            self._follow()
        return self._served if self.is_shadowing else None

    @property
    def is_shadowing(self) -> bool:
        """Whether a version was to shadow now, when that was last looked at."""
        return self._shadow is not None and self._shadow.until > self._now()

    @property
    def role(self) -> str:
        """What the version that shadows is beside the champion."""
        return self._shadow.role if self._shadow else ""

    def _follow(self) -> None:
        served, self._shadow, self._served = self._served, None, None
        shadow = self._read()
        if shadow and shadow.until > self._now():
            is_known = served and served.pointer == shadow.pointer
            self._served = served if is_known else self._load(shadow.pointer)
            self._shadow = shadow
