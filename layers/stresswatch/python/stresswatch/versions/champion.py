"""The champion: the model version in service, cached by warm functions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from stresswatch.aws.s3 import Location
from stresswatch.aws.service_text import description
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import Prediction, ReadText, Record
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.errors import AwsFailure, InvalidInput, Unavailable
from stresswatch.model.predict import predict
from stresswatch.model.scorer import Scorer, ScorerKind
from stresswatch.versions.model_files import read_scorer
from stresswatch.versions.task_change import TaskChange

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


class ChampionUnavailable(Unavailable):
    """No model can be served: none was promoted yet, or the promoted one is unreadable."""


class InvalidPointer(InvalidInput):
    """The parameter's value is not a pointer."""


class PointerExists(AwsFailure):
    """Another version became the first champion in the meantime."""


@dataclass(frozen=True)
class Pointer:
    """The champion's version, its folder in S3, and the SHA-256 of its model file.

    Raises
    ------
    ValueError
        When the folder's address has another form than ``s3://bucket/key``.
    """

    version: str
    uri: str
    sha256: str

    def __post_init__(self) -> None:
        Location.parse(self.uri)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(value: str) -> Pointer:
        """Parse the pointer's value.

        Raises
        ------
        InvalidPointer
            When the value is not a pointer.
        """
        try:
            return Pointer(**json.loads(value))
        except (TypeError, AttributeError, ValueError) as error:
            raise InvalidPointer(f"the champion pointer cannot be read: {error}") from error


@dataclass(frozen=True)
class Change:
    """A change of the champion: version, time, author and reason."""

    pointer: Pointer
    at: datetime
    by: str
    because: str


@dataclass(frozen=True)
class ServedModel:
    """A loaded and verified champion."""

    pointer: Pointer
    scorer: Scorer

    def predict(
        self,
        posts: Sequence[tuple[str, Post]],
        now: datetime,
        explains: ReasonsPolicy = ReasonsPolicy.NEVER,
        read_texts: Sequence[ReadText] | None = None,
    ) -> list[Prediction]:
        """Predict posts, given with their prediction ids; see `stresswatch.model.predict`."""
        if not posts:
            return []
        version, at = self.pointer.version, now.isoformat()
        return predict(posts, self.scorer, version, at, explains, read_texts)

    def predict_records(
        self,
        posts: Sequence[tuple[Record, Post]],
        now: datetime,
        explains: ReasonsPolicy = ReasonsPolicy.NEVER,
        read_texts: Sequence[ReadText] | None = None,
    ) -> list[Prediction]:
        """Predict the posts from `read_records`; their record positions name the predictions."""
        named = [(record.prediction_id, post) for record, post in posts]
        return self.predict(named, now, explains, read_texts)


def read_pointer(ssm: SSMClient, parameter: str) -> Pointer | None:
    """Read the version in service; None before the first promotion, which creates the parameter."""
    value = read_parameter(ssm, parameter)
    return None if value is None else Pointer.from_json(value)


def read_parameter(ssm: SSMClient, parameter: str) -> str | None:
    """Read a parameter; None if it does not exist."""
    try:
        return ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None


def write_pointer(
    ssm: SSMClient, parameter: str, pointer: Pointer, because: str, *, is_first: bool = False
) -> None:
    """Make a version the champion; the parameter's history stores the reason.

    Only promotion and rollback call it.

    Parameters
    ----------
    is_first
        Create the parameter, and fail if there is a champion.

    Raises
    ------
    PointerExists
        When it would be the first, but another version is the champion.
    """
    try:
        ssm.put_parameter(
            Name=parameter,
            Value=pointer.to_json(),
            Description=description(because),
            Type="String",
            Overwrite=not is_first,
        )
    except ssm.exceptions.ParameterAlreadyExists as error:
        # A retry of the client finds the result of its first attempt.
        if read_pointer(ssm, parameter) != pointer:
            raise PointerExists(f"{parameter} now names another version") from error


def read_changes(ssm: SSMClient, parameter: str) -> list[Change]:
    """Return the newest hundred changes of the champion in SSM's history, oldest first."""
    pages = ssm.get_paginator("get_parameter_history").paginate(Name=parameter)
    try:
        return [
            Change(
                pointer=Pointer.from_json(entry["Value"]),
                at=entry["LastModifiedDate"],
                by=entry.get("LastModifiedUser", ""),
                because=entry.get("Description", ""),
            )
            for page in pages
            for entry in page["Parameters"]
        ]
    except ssm.exceptions.ParameterNotFound:
        return []


def load_model(
    s3: S3Client, pointer: Pointer, allowed: ScorerKind = ScorerKind.ARRAYS
) -> ServedModel:
    """Load the model that the pointer names; see `stresswatch.versions.model_files`.

    Raises
    ------
    DigestMismatch, CorruptArtefact, ScorerNotAllowed, OtherLabel
    """
    return ServedModel(pointer, read_scorer(s3, pointer, allowed))


def load_champion(
    s3: S3Client, pointer: Pointer, allowed: ScorerKind, warn: Callable[..., None]
) -> ServedModel:
    """Load the champion; warn if it was trained for other numeric features than posts have.

    Parameters
    ----------
    warn : callable
        A logger's ``warning``: takes a message and fields.

    Raises
    ------
    DigestMismatch, CorruptArtefact, ScorerNotAllowed, OtherLabel
        As `load_model` does.
    """
    served = load_model(s3, pointer, allowed)
    if change := TaskChange.since(served.scorer.numeric_features):
        warn("champion_of_another_task", version=pointer.version, detail=change.advice)
    return served


class ChampionCache:
    """Caches the champion's model in a warm function and follows the pointer.

    The pointer is reread after its time to live. If the new file is missing, altered or corrupt,
    this is reported and the cached model keeps serving: a missed promotion is better than a stopped
    stream.

    Parameters
    ----------
    read : callable
        Returns the current pointer.
    load : callable
        Loads a pointer's model.
    ttl_seconds : float
    on_load_failure : callable
        Called with an error that kept the previous champion in service.
    clock : callable
        Returns seconds, monotonic.
    """

    def __init__(
        self,
        read: Callable[[], Pointer | None],
        load: Callable[[Pointer], ServedModel],
        ttl_seconds: float,
        on_load_failure: Callable[[Exception], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._read = read
        self._load = load
        self._ttl_seconds = ttl_seconds
        self._on_load_failure = on_load_failure
        self._clock = clock
        self._served: ServedModel | None = None
        self._checked_at = float("-inf")

    def current(self) -> ServedModel:
        """Return the model in service.

        Raises
        ------
        ChampionUnavailable
            When no version was ever promoted, or the pointer cannot be followed and no model is
            cached.
        """
        if self._served and self._clock() - self._checked_at < self._ttl_seconds:
            return self._served
        try:
            self._served = self._follow()
        except Exception as error:
            if not self._served:
                raise ChampionUnavailable(f"no model can be served: {error}") from error
            self._on_load_failure(error)
        self._checked_at = self._clock()
        return self._served

    def _follow(self) -> ServedModel:
        pointer = self._read()
        if pointer is None:
            raise LookupError("no version has been promoted yet; start a retraining for the first")
        if self._served and self._served.pointer == pointer:
            return self._served
        return self._load(pointer)
