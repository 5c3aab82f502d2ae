"""One run: posts on a stream, delivered by the mapping's rules to the predictor."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from lambdas.predictor import handler as predictor_module
from local.event_source_mapping.batching import Batch, InvocationResult
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import prediction_id
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.contracts.sampling import SampleShares
from stresswatch.model.artefact import Artefact
from stresswatch.serving.label_sampling import LabelSampling
from stresswatch.versions.champion import ChampionCache, Pointer, load_model, read_pointer
from stresswatch.versions.model_version import sha256
from stresswatch.versions.shadow import ShadowCache, ShadowPointer, read_shadow
from verification.faults.deliveries import FUNCTION_ARN, STREAM, Deliveries
from verification.faults.in_process import without_threads
from verification.faults.outages import (
    SHADOW_PATIENCE_SECONDS,
    START,
    TIMEOUT_SECONDS,
    InjectedOutages,
    Killed,
)
from verification.faults.posts import Sent, invalid_record
from verification.faults.schedule import Schedule
from verification.faults.settling import Settling
from verification.faults.stores import Buckets, Faulty, Parameters, PredictionsStream
from verification.faults.stream import PostsStream

IDENTITY_KEY = b"k" * KEY_LENGTH
_CHAMPION_TTL_SECONDS = 5.0
_SHARES = SampleShares(0.2, uncertain=0.5)
_SHADOW_SECONDS = (60.0, 1200.0)
_SKEW_SECONDS = 5400.0
"""Maximum jump of a function's clock in either direction; the mapping's jumps a tenth of it."""
_SETTLED_WITHIN = 1800.0
"""Seconds after the storm within which every record must be finished."""


@dataclass(frozen=True)
class Model:
    """A model version that may be promoted."""

    pointer: Pointer
    artefact: Artefact
    data: bytes

    @staticmethod
    def of(version: str, artefact: Artefact) -> Model:
        data = artefact.to_bytes()
        pointer = Pointer(version, f"s3://models/models/{version}/", sha256(data))
        return Model(pointer, artefact, data)


class Simulation:
    """A run, and its output.

    Attributes
    ----------
    sent : dict of str to Sent
        Sent records by prediction id.
    """

    def __init__(
        self,
        schedule: Schedule,
        models: list[Model],
        challenger: Model,
        posts: list[tuple[bytes, Post]],
        folder: Path,
    ):
        self.schedule = schedule
        self.models = models
        self.challenger = challenger
        self.outages = InjectedOutages(schedule)
        self.buckets = Buckets()
        self.predictions = PredictionsStream(self.outages)
        self.sent: dict[str, Sent] = {}
        self._posts = posts
        self._events = list(schedule.events)
        self._stream = PostsStream(schedule.shards)
        self._parameters = Parameters(models[0].pointer.to_json())
        self._shadow = Parameters(None)
        self._store_models()
        self._skew = 0.0
        self._environments: list[predictor_module.Predictor | None] = [None] * schedule.environments
        self.deliveries = Deliveries(schedule, self._stream, self.outages, folder, self._invoke)
        self.settling = Settling(schedule, self.buckets, self.outages)

    def run(self) -> None:
        """Play the schedule, and continue until all records are finished, or for far too long."""
        random.seed(self.schedule.seed)  # the predictor's own jitter
        outages = self.outages
        with self._predictor_in_here():
            while not self.is_settled and outages.now < outages.calm_from + _SETTLED_WITHIN:
                self._put_what_is_due()
                self._let_events_strike()
                if outages.now >= outages.calm_from:
                    self._repair()
                self.deliveries.deliver_what_can_be()
                self.settling.run_when_due(self.deliveries.records)
        self.settling.end()

    @contextlib.contextmanager
    def _predictor_in_here(self) -> Iterator[None]:
        with (
            patch.object(predictor_module, "predictor", self._predictor),
            without_threads(),
        ):
            yield

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.outages.now + self._skew, UTC)

    def _predictor(self) -> predictor_module.Predictor:
        """Choose an execution environment, and start it if necessary."""
        place = self._environment = self.outages.chance.randrange(len(self._environments))
        predictor = self._environments[place]
        if predictor is None or self.outages.strikes("environment recycled"):
            predictor = self._environments[place] = self._cold_start()
        return predictor

    def _cold_start(self) -> predictor_module.Predictor:
        s3: Any = Faulty(self.buckets, self.outages, "S3")
        ssm: Any = Faulty(self._parameters, self.outages, "SSM")
        return predictor_module.Predictor(
            stage="dev",
            champion=ChampionCache(
                read=lambda: read_pointer(ssm, "champion"),
                load=lambda pointer: load_model(s3, pointer),
                ttl_seconds=_CHAMPION_TTL_SECONDS,
                on_load_failure=predictor_module._report_load_failure,
                clock=lambda: self.outages.now,
            ),
            shadow=self._shadow_beside(),
            sampling=LabelSampling(_SHARES, lambda: IDENTITY_KEY, s3, "label-queue"),
            s3=s3,
            kinesis=cast("Any", Faulty(self.predictions, self.outages, "PutRecords")),
            predictions_stream="predictions",
            archive_bucket="archive",
            quarantine_bucket="quarantine",
            explains=ReasonsPolicy.ON_REQUEST,
            read_key=lambda: IDENTITY_KEY,
            now=self._now,
            sleep=self.outages.spend,
        )

    def _shadow_beside(self) -> predictor_module.Shadow:
        s3: Any = Faulty(self.buckets, self.outages, "S3", SHADOW_PATIENCE_SECONDS)
        ssm: Any = Faulty(self._shadow, self.outages, "SSM", SHADOW_PATIENCE_SECONDS)
        challenger = ShadowCache(
            read=lambda: read_shadow(ssm, "shadow"),
            load=lambda pointer: load_model(s3, pointer),
            ttl_seconds=_CHAMPION_TTL_SECONDS,
            clock=lambda: self.outages.now,
            now=self._now,
        )
        return predictor_module.Shadow("dev", challenger, s3, "archive", self._now)

    @property
    def is_settled(self) -> bool:
        return (
            len(self.sent) == self.schedule.records
            and not self._events
            and self.deliveries.is_settled
        )

    def _put_what_is_due(self) -> None:
        elapsed = self.outages.now - START
        due = min(1.0, elapsed / self.schedule.storm_seconds) * self.schedule.records
        while len(self.sent) < int(due):
            self._put()

    def _put(self) -> None:
        chance = self.outages.chance
        post, reason = None, None
        if self.outages.strikes("invalid record"):
            data, reason = invalid_record(chance)
        else:
            data, post = chance.choice(self._posts)
        shard, number = self._stream.put(f"key-{chance.randrange(50)}", data, self.outages.now)
        sent = Sent(data, post, reason, shard, number)
        self.sent[prediction_id(STREAM, shard, number)] = sent

    def _let_events_strike(self) -> None:
        while self._events and self._events[0].at <= self.outages.now - START:
            fault = self._events.pop(0).fault
            if self._strike(fault):
                self.outages.injected[fault] += 1

    def _strike(self, fault: str) -> bool:
        """Let one fault strike; return False if it cannot strike anything."""
        chance = self.outages.chance
        open_shards = self._stream.open_shards
        model = chance.choice(self.models)
        match fault:
            case "mapping restarted":
                self.deliveries.restart()
            case "function's clock jumps":
                self._skew = chance.uniform(-_SKEW_SECONDS, _SKEW_SECONDS)
            case "mapping's clock jumps":
                self.deliveries.clock_skew = chance.uniform(-_SKEW_SECONDS, _SKEW_SECONDS) / 10
            case "model file corrupt":
                self._put_model(model, chance.randbytes(100))
            case "model file missing":
                self.buckets.objects.pop(("models", f"models/{model.pointer.version}/model.npz"), 0)
            case "pointer names nothing":
                self._parameters.value = Pointer("v9", "s3://models/models/v9/", "0" * 64).to_json()
            case "pointer unreadable":
                self._parameters.value = '{"version": 1'
            case "no champion":
                self._parameters.value = None
            case "promotion" | "rollback":
                served = self.models[-1 if fault == "promotion" else 0]
                self._put_model(served, served.data)
                self._parameters.value = served.pointer.to_json()
            case "challenger shadows" | "challenger corrupt":
                is_whole = fault == "challenger shadows"
                self._put_model(
                    self.challenger, self.challenger.data if is_whole else chance.randbytes(100)
                )
                until = self._now() + timedelta(seconds=chance.uniform(*_SHADOW_SECONDS))
                self._shadow.value = ShadowPointer(self.challenger.pointer, until).to_json()
            case "shard split":
                self._stream.split(chance.choice(open_shards))
            case "shards merged" if len(open_shards) > 1:
                self._stream.merge(*chance.sample(open_shards, 2))
            case "PutRecords outage" | "S3 outage" | "SSM outage":
                self.outages.put_out(fault.removesuffix(" outage"))
            case _:
                return False
        return True

    def _repair(self) -> None:
        """Act as an operator: restore the files, and roll back a bad pointer."""
        self._store_models()
        if self._parameters.value not in [model.pointer.to_json() for model in self.models]:
            self._parameters.value = self.models[0].pointer.to_json()

    def _store_models(self) -> None:
        for model in self.models:
            self._put_model(model, model.data)

    def _put_model(self, model: Model, data: bytes) -> None:
        self.buckets.objects["models", f"models/{model.pointer.version}/model.npz"] = data

    @property
    def _context(self) -> SimpleNamespace:
        return SimpleNamespace(
            function_name="predictor",
            function_version="1",
            memory_limit_in_mb=1769,
            invoked_function_arn=FUNCTION_ARN,
            aws_request_id="request",
            get_remaining_time_in_millis=lambda: 1000 * (self.outages.deadline - self.outages.now),
        )

    def _invoke(self, batch: Batch, source: Source) -> InvocationResult:
        event = json.loads(json.dumps(kinesis_event(batch.records, source)))
        self.outages.deadline = self.outages.now + TIMEOUT_SECONDS
        try:
            result = predictor_module.handler(event, self._context)
        except Killed:
            self._environments[self._environment] = None
            return InvocationResult({"errorMessage": "killed"}, function_error="Unhandled")
        finally:
            self.outages.deadline = float("inf")
        return InvocationResult(result)
