"""Shadow deployment: a second version scores live posts beside the champion, for the archive.

It is a challenger before its promotion, or the previous champion during the new one's probation. A
second pointer names it, with its end. So predictors stop on time, even if the workflow that set it
fails.
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
"""Prefix of a shadowing version's predictions, in the archive's bucket and format."""
GRACE = timedelta(minutes=1)
"""Extra shadowing time beyond the comparison, because it scores after the champion."""


@dataclass(frozen=True)
class ShadowPointer:
    """The shadowing version, and its end.

    Attributes
    ----------
    on_probation : str
        The new champion that the version, its predecessor, is compared with; empty for a
        challenger.
    """

    pointer: Pointer
    until: datetime
    on_probation: str = ""

    @property
    def role(self) -> str:
        """The version's role beside the champion, for the metric of scored posts."""
        return "previous champion" if self.on_probation else "challenger"

    def to_json(self) -> str:
        fields = {**asdict(self.pointer), "until": self.until.isoformat()}
        if self.on_probation:
            fields["on_probation"] = self.on_probation
        return json.dumps(fields)

    # Similar to `Pointer.from_json`; a shared function would be longer than the saved lines.
    @staticmethod
    def from_json(value: str) -> ShadowPointer:
        """Parse the pointer's value.

        Raises
        ------
        InvalidPointer
            When the value is not a pointer.
        """
        try:
            fields = json.loads(value)
            until = datetime.fromisoformat(fields.pop("until"))
            on_probation = fields.pop("on_probation", "")
            return ShadowPointer(Pointer(**fields), until, on_probation)
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise InvalidPointer(f"the shadow pointer cannot be read: {error}") from error


def read_shadow(ssm: SSMClient, parameter: str) -> ShadowPointer | None:
    """Read the shadowing version, and its end; None before the first one."""
    value = read_parameter(ssm, parameter)
    return None if value is None else ShadowPointer.from_json(value)


def write_shadow(ssm: SSMClient, parameter: str, shadow: ShadowPointer) -> None:
    ssm.put_parameter(Name=parameter, Value=shadow.to_json(), Type="String", Overwrite=True)


class ShadowCache:
    """Caches the shadowing version in a warm function, until its end.

    Parameters
    ----------
    read : callable
        Returns the current pointer.
    load : callable
        Loads a pointer's model.
    ttl_seconds : float
        Time to live of the pointer; a failed one is not retried earlier.
    clock : callable
        Returns seconds, monotonic.
    now : callable
        Returns the time, to compare with a pointer's end.
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
        """Return the currently shadowing version, if any.

        Raises
        ------
        Exception
            Any error in reading or following the pointer.
        """
        if self._clock() - self._checked_at >= self._ttl_seconds:
            self._checked_at = self._clock()
            self._follow()
        return self._served if self.is_shadowing else None

    @property
    def is_shadowing(self) -> bool:
        """Whether a version should shadow now, at the last check."""
        return self._shadow is not None and self._shadow.until > self._now()

    @property
    def role(self) -> str:
        """The shadowing version's role beside the champion."""
        return self._shadow.role if self._shadow else ""

    def _follow(self) -> None:
        served, self._shadow, self._served = self._served, None, None
        shadow = self._read()
        if shadow and shadow.until > self._now():
            is_known = served and served.pointer == shadow.pointer
            self._served = served if is_known else self._load(shadow.pointer)
            self._shadow = shadow
