"""One run: posts on a stream, delivered by the mapping's rules to the predictor, in bad weather."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from lambdas.predictor import handler as predictor_module
from local.event_source_mapping.batching import (
    Answer,
    Batch,
    Discard,
    Invoke,
    NotInvoked,
    Settings,
    Wait,
    drop_first,
    next_step,
    settle,
)
from local.event_source_mapping.checkpoints import TRIM_HORIZON, Checkpoints
from local.event_source_mapping.invocation import Source, failure_record, kinesis_event
from local.event_source_mapping.shard_progress import Progress
from local.event_source_mapping.shards import shards_to_start
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import prediction_id
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.artefact import Artefact
from stresswatch.storage import quarantine
from stresswatch.streaming.put_records import put_records
from stresswatch.versions import shadow as shadow_module
from stresswatch.versions.champion import ChampionCache, Pointer, load_model, read_pointer
from stresswatch.versions.model_version import sha256
from stresswatch.versions.shadow import ShadowCache, ShadowPointer, read_shadow
from verification.faults.outages import (
    SHADOW_PATIENCE_SECONDS,
    START,
    TIMEOUT_SECONDS,
    Killed,
    Weather,
)
from verification.faults.posts import Sent, invalid_record
from verification.faults.schedule import Schedule
from verification.faults.stores import Buckets, Faulty, Parameters, PredictionsStream
from verification.faults.stream import PostsStream

STREAM = "posts"
IDENTITY_KEY = b"k" * KEY_LENGTH
_STREAM_ARN = f"arn:aws:kinesis:us-east-1:123456789012:stream/{STREAM}"
_FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:predictor"
_CHAMPION_TTL_SECONDS = 5.0
_SHADOW_SECONDS = (60.0, 1200.0)
_READ_LIMIT = 1_000
_IDLE_SECONDS = 0.2
_SKEW_SECONDS = 5400.0
"""How far a function's clock may jump to either side; the mapping's jumps a tenth of it."""
_SETTLED_WITHIN = 1800.0
"""Seconds from the end of the storm by which everything must be done with."""


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


class _InlineExecutor(Executor):
    """Does the work at once: in which order threads run is no business of the seed's."""

    def __init__(self, *_: object):
        pass

    def map(self, fn: Any, *iterables: Any, **_: Any) -> Iterator[Any]:
        return map(fn, *iterables)


class Simulation:
    """A run, and what there is to see after it.

    Attributes
    ----------
    sent : dict of str to Sent
        By prediction id.
    given_up : list of dict
        Invocation records, as the failure destination has them.
    deliveries : int
        Records that the function was invoked with, counted at each delivery.
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
        self.weather = Weather(schedule)
        self.buckets = Buckets()
        self.predictions = PredictionsStream(self.weather)
        self.sent: dict[str, Sent] = {}
        self.given_up: list[dict[str, Any]] = []
        self.deliveries = 0
        self._posts = posts
        self._events = list(schedule.events)
        self._stream = PostsStream(schedule.shards)
        self._parameters = Parameters(models[0].pointer.to_json())
        self._shadow = Parameters(None)
        self._store_models()
        self._skew = self._mapping_skew = 0.0
        self._environments: list[predictor_module.Predictor | None] = [None] * schedule.environments
        self._settings = Settings(
            batch_size=schedule.batch_size,
            batching_window=schedule.batching_window,
            parallelization_factor=schedule.lanes,
            bisect=True,
            report_item_failures=True,
            maximum_retries=schedule.retries,
            maximum_record_age=schedule.record_age,
            starting_position="TRIM_HORIZON",
        )
        self._checkpoint_file = folder / "checkpoints.json"
        self._checkpoints = Checkpoints(self._checkpoint_file)
        self._shards: dict[str, Progress] = {}

    def run(self) -> None:
        """Play the schedule, and go on until nothing is under way, or for far too long."""
        random.seed(self.schedule.seed)  # the predictor's own jitter
        weather = self.weather
        with self._predictor_in_here():
            while not self.is_settled and weather.now < weather.calm_from + _SETTLED_WITHIN:
                self._put_what_is_due()
                self._let_events_strike()
                if weather.now >= weather.calm_from:
                    self._repair()
                self._deliver_what_can_be()

    @contextlib.contextmanager
    def _predictor_in_here(self) -> Iterator[None]:
        clock = SimpleNamespace(now=self._now, fromisoformat=datetime.fromisoformat)
        patient = partial(put_records, sleep=self.weather.spend)
        with (
            patch.object(predictor_module, "predictor", self._predictor),
            patch.object(predictor_module, "datetime", clock),
            patch.object(shadow_module, "datetime", clock),
            patch.object(predictor_module, "put_records", patient),
            without_threads(),
        ):
            yield

    def _now(self, zone: tzinfo) -> datetime:
        return datetime.fromtimestamp(self.weather.now + self._skew, zone)

    def _predictor(self) -> predictor_module.Predictor:
        """Choose an execution environment, and start it where it has not begun."""
        place = self._environment = self.weather.chance.randrange(len(self._environments))
        predictor = self._environments[place]
        if predictor is None or self.weather.strikes("environment recycled"):
            predictor = self._environments[place] = self._cold_start()
        return predictor

    def _cold_start(self) -> predictor_module.Predictor:
        s3: Any = Faulty(self.buckets, self.weather, "S3")
        ssm: Any = Faulty(self._parameters, self.weather, "SSM")
        return predictor_module.Predictor(
            champion=ChampionCache(
                read=lambda: read_pointer(ssm, "champion"),
                load=lambda pointer: load_model(s3, pointer),
                ttl_seconds=_CHAMPION_TTL_SECONDS,
                on_refused=predictor_module._report_refused_champion,
                clock=lambda: self.weather.now,
            ),
            shadow=self._shadow_beside(),
            s3=s3,
            kinesis=cast("Any", Faulty(self.predictions, self.weather, "PutRecords")),
            predictions_stream="predictions",
            archive_bucket="archive",
            quarantine_bucket="quarantine",
            explains=ReasonsPolicy.ON_REQUEST,
            read_key=lambda: IDENTITY_KEY,
        )

    def _shadow_beside(self) -> predictor_module.Shadow:
        s3: Any = Faulty(self.buckets, self.weather, "S3", SHADOW_PATIENCE_SECONDS)
        ssm: Any = Faulty(self._shadow, self.weather, "SSM", SHADOW_PATIENCE_SECONDS)
        challenger = ShadowCache(
            read=lambda: read_shadow(ssm, "shadow"),
            load=lambda pointer: load_model(s3, pointer),
            ttl_seconds=_CHAMPION_TTL_SECONDS,
            clock=lambda: self.weather.now,
        )
        return predictor_module.Shadow(challenger, s3, "archive")

    @property
    def is_settled(self) -> bool:
        open_shards = self._stream.open_shards
        return (
            len(self.sent) == self.schedule.records
            and not self._events
            and all(name in self._shards for name in open_shards)
            and not any(progress.waiting for progress in self._shards.values())
            and all(
                not self._stream.read(name, progress.read_up_to, 1)[0]
                for name, progress in self._shards.items()
            )
        )

    def _put_what_is_due(self) -> None:
        elapsed = self.weather.now - START
        due = min(1.0, elapsed / self.schedule.storm_seconds) * self.schedule.records
        while len(self.sent) < int(due):
            self._put()

    def _put(self) -> None:
        chance = self.weather.chance
        post, reason = None, None
        if self.weather.strikes("invalid record"):
            data, reason = invalid_record(chance)
        else:
            data, post = chance.choice(self._posts)
        shard, number = self._stream.put(f"key-{chance.randrange(50)}", data, self.weather.now)
        sent = Sent(data, post, reason, shard, number)
        self.sent[prediction_id(STREAM, shard, number)] = sent

    def _let_events_strike(self) -> None:
        while self._events and self._events[0].at <= self.weather.now - START:
            fault = self._events.pop(0).fault
            if self._strike(fault):
                self.weather.injected[fault] += 1

    def _strike(self, fault: str) -> bool:
        """Let one fault strike; False where there is nothing that it could strike."""
        chance = self.weather.chance
        open_shards = self._stream.open_shards
        model = chance.choice(self.models)
        match fault:
            case "mapping restarted":
                self._checkpoints = Checkpoints(self._checkpoint_file)
                self._shards.clear()
            case "function's clock jumps":
                self._skew = chance.uniform(-_SKEW_SECONDS, _SKEW_SECONDS)
            case "mapping's clock jumps":
                self._mapping_skew = chance.uniform(-_SKEW_SECONDS, _SKEW_SECONDS) / 10
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
                until = self._now(UTC) + timedelta(seconds=chance.uniform(*_SHADOW_SECONDS))
                self._shadow.value = ShadowPointer(self.challenger.pointer, until).to_json()
            case "shard split":
                self._stream.split(chance.choice(open_shards))
            case "shards merged" if len(open_shards) > 1:
                self._stream.merge(*chance.sample(open_shards, 2))
            case "PutRecords outage" | "S3 outage" | "SSM outage":
                self.weather.put_out(fault.removesuffix(" outage"))
            case _:
                return False
        return True

    def _repair(self) -> None:
        """Do what an operator does: bring the files back, and roll back a bad pointer."""
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
            invoked_function_arn=_FUNCTION_ARN,
            aws_request_id="request",
            get_remaining_time_in_millis=lambda: 1000 * (self.weather.deadline - self.weather.now),
        )

    @property
    def _mapping_now(self) -> float:
        return self.weather.now + self._mapping_skew

    def _deliver_what_can_be(self) -> None:
        """Take every lane one step on; where all of them wait, let time go by."""
        chosen = shards_to_start(
            self._stream.shards, set(self._shards), self._checkpoints, TRIM_HORIZON
        )
        for name, position in chosen.items():
            self._shards[name] = Progress.begin(position, self.schedule.lanes)
        began = self.weather.now
        for name in list(self._shards):
            self._read(name)
            for place in range(self.schedule.lanes):
                self._step(name, place)
        if self.weather.now == began:
            self.weather.now += _IDLE_SECONDS

    def _read(self, name: str) -> None:
        progress = self._shards[name]
        if progress.is_read or self.weather.strikes("GetRecords refused"):
            return
        records, is_end = self._stream.read(name, progress.read_up_to, _READ_LIMIT)
        # What the stream stamped is the true time, whatever the mapping's own clock says.
        self._shards[name] = progress.read(records, is_end, self._mapping_now)
        self._checkpoints.save(name, self._shards[name].checkpoint)

    def _step(self, name: str, place: int) -> None:
        lane, step = next_step(self._shards[name].lanes[place], self._settings, self._mapping_now)
        source = Source(_STREAM_ARN, name, "arn:aws:iam::123456789012:role/predictor")
        if isinstance(step, Invoke):
            outcome = self._invoke(step.batch, source)
            lane = settle(lane, outcome, self._settings, self._mapping_now)
        elif isinstance(step, Discard):
            record = failure_record(step, source, _FUNCTION_ARN, self._mapping_now)
            self.given_up.append(record)
            lane = drop_first(lane)
        self._shards[name] = self._shards[name].with_lane(place, lane)
        if not isinstance(step, Wait):
            self._checkpoints.save(name, self._shards[name].checkpoint)

    def _invoke(self, batch: Batch, source: Source) -> Answer | NotInvoked:
        if self.weather.strikes("function throttled"):
            return NotInvoked()
        event = json.loads(json.dumps(kinesis_event(batch.records, source)))
        self.deliveries += len(batch.records)
        self.weather.deadline = self.weather.now + TIMEOUT_SECONDS
        try:
            result = predictor_module.handler(event, self._context)
        except Killed:
            self._environments[self._environment] = None
            return Answer({"errorMessage": "killed"}, function_error="Unhandled")
        finally:
            self.weather.deadline = float("inf")
        if self.weather.strikes("answer of the function lost"):
            return NotInvoked()
        return Answer(result)


@contextlib.contextmanager
def without_threads() -> Iterator[None]:
    """Have the function do one thing after the other."""
    with patch.object(quarantine, "ThreadPoolExecutor", _InlineExecutor):
        yield


@contextlib.contextmanager
def quiet() -> Iterator[Any]:
    """Take what the function writes to its log, and give it as one file-like object."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile("w+"))
        stack.enter_context(contextlib.redirect_stdout(log))
        for handler in predictor_module.logger.handlers:
            # Not setStream: it flushes the former stream, which who made it may have closed.
            stack.enter_context(patch.object(handler, "stream", log))
        yield log
