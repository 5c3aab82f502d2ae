"""A storm of random faults, from a seed, on the running stack; then each record is accounted for.

The predictor under thousands of faults, on an accelerated clock, is in
`tests/unit/verification/test_faults.py`; here real processes die.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import signal
import socket
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import local
from cli.deployment.client import payload
from cli.deployment.consumer import Consumer
from stresswatch.aws import stack_outputs
from stresswatch.contracts.predictions import prediction_id
from stresswatch.storage import archive, failed_batches, quarantine
from stresswatch.versions.champion import Pointer
from tests.conftest import make_posts
from tests.e2e.deployed import Deployed, environment
from tests.e2e.waiting import eventually
from verification.faults.posts import invalid_record
from verification.faults.runner import models

VALID, INVALID = 40, 4
"""Records of each kind between two events."""
EVENTS = (
    "killed", "split", "merged", "promoted", "rolled back", "champion corrupt", "timed out",
)  # fmt: skip


class Silent:
    """A server that accepts connections and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0)
        self._heard: list[socket.socket] = []

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        for one in (self._socket, *self._heard):
            one.close()

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self._socket.getsockname())

    def has_heard(self, count: int) -> bool:
        """Return whether this many have called by now."""
        with contextlib.suppress(BlockingIOError):
            self._heard.append(self._socket.accept()[0])
        return len(self._heard) >= count


class Storm:
    """A separate stack, the records sent to it, and its faults."""

    def __init__(self, app: Path, folder: Path, seed: int):
        stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
        self.deployed = Deployed(stack, app, folder)
        self.chance = random.Random(seed)
        self.valid: set[str] = set()
        self.invalid: dict[str, tuple[bytes, str]] = {}
        self._versions = itertools.count(1)
        self.first, self.second = (self._put_model(model.data) for model in models()[:2])
        self.deployed.point_to(self.first)
        self._hasten()

    @cached_property
    def _predictor(self) -> str:
        return self.deployed.stack.outputs[stack_outputs.PREDICTOR_FUNCTION]

    def send(self) -> None:
        """Send some posts, and among them invalid records."""
        posts = make_posts(VALID, seed=self.chance.randrange(1_000_000))
        records = [(*payload(post), "") for post in posts]
        for _ in range(INVALID):
            data, reason = invalid_record(self.chance)
            records.insert(self.chance.randrange(len(records)), (f"key-{len(data)}", data, reason))
        ids = self.deployed.deployment.send([(key, data) for key, data, _ in records])
        for name, (_, data, reason) in zip(ids, records, strict=True):
            if reason:
                self.invalid[name] = data, reason
            else:
                self.valid.add(name)

    def strike(self, event: str) -> None:
        """Cause one fault while records are being processed."""
        getattr(self, event.replace(" ", "_"))()

    def killed(self) -> None:
        """Kill everything in the middle of a batch: it is archived, and not on the stream yet."""
        stack = local.running(self.deployed.folder)
        assert stack
        with Silent() as silent:
            functions = self.deployed.client("lambda")
            settings = functions.get_function_configuration(FunctionName=self._predictor)
            variables = settings["Environment"]["Variables"]
            functions.update_function_configuration(
                FunctionName=self._predictor,
                Environment={"Variables": variables | {"AWS_ENDPOINT_URL_KINESIS": silent.url}},
            )
            self.send()
            eventually("a batch half done", lambda: silent.has_heard(1))
            os.kill(stack.pid, signal.SIGKILL)
        port = urlsplit(stack.endpoint).port
        assert port
        eventually("end of the emulator", lambda: not is_answering(port))
        again = local.up(
            self.deployed.folder,
            template_directory=self.deployed.app,
            on_progress=lambda _: None,
            port=port,
        )
        assert again.outputs == stack.outputs
        self._hasten()

    def split(self) -> None:
        """Split a shard in the middle."""
        shard = self.chance.choice(self._open_shards())
        start, end = (int(shard["HashKeyRange"][f"{name}HashKey"]) for name in self._ENDS)
        self.deployed.client("kinesis").split_shard(
            StreamName=self.deployed.stack.outputs[stack_outputs.POSTS_STREAM],
            ShardToSplit=shard["ShardId"],
            NewStartingHashKey=str((start + end) // 2),
        )

    def merged(self) -> None:
        """Merge two shards, after a split if there is only one."""
        if len(self._open_shards()) == 1:
            self.split()
            self.send()
        first, second, *_ = self._open_shards()
        self.deployed.client("kinesis").merge_shards(
            StreamName=self.deployed.stack.outputs[stack_outputs.POSTS_STREAM],
            ShardToMerge=first["ShardId"],
            AdjacentShardToMerge=second["ShardId"],
        )

    _ENDS = ("Starting", "Ending")

    def _open_shards(self) -> list[dict[str, Any]]:
        """The shards without a child, by position."""
        listed = self.deployed.client("kinesis").list_shards(
            StreamName=self.deployed.stack.outputs[stack_outputs.POSTS_STREAM]
        )["Shards"]
        names = ("ParentShardId", "AdjacentParentShardId")
        parents = {shard.get(name) for shard in listed for name in names}
        found = [shard for shard in listed if shard["ShardId"] not in parents]
        return sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def promoted(self) -> None:
        """Promote the second version, as the workflow does."""
        gate = asdict(self.second) | {"parent": self.first.version}
        function = self.deployed.function("RetrainingPromoteFunction")
        said = self.deployed.invoke(function, {"gate": gate})
        assert '"errorType"' not in said, said

    def rolled_back(self) -> None:
        self.deployed.point_to(self.first)

    def champion_corrupt(self) -> None:
        """Point to a file with a wrong content, until a predictor fails to load it."""
        unlike = replace(self._put_model(self.chance.randbytes(100)), sha256="0" * 64)
        self.deployed.point_to(unlike)
        self.send()
        refusal = "the champion pointer says 000000000000"
        eventually("refusal of the champion", lambda: refusal in self._log())
        self.deployed.point_to(self.first)

    def timed_out(self) -> None:
        """Make the function hang until Lambda ends it, more than once."""
        functions = self.deployed.client("lambda")
        limit = functions.get_function_configuration(FunctionName=self._predictor)["Timeout"]
        with (
            Silent() as silent,
            environment(self.deployed, self._predictor, AWS_ENDPOINT_URL_S3=silent.url),
        ):
            functions.update_function_configuration(FunctionName=self._predictor, Timeout=2)
            self.send()
            eventually("a second try", lambda: silent.has_heard(2))
            functions.update_function_configuration(FunctionName=self._predictor, Timeout=limit)

    def _hasten(self) -> None:
        """Make the predictor follow the pointer at once."""
        functions = self.deployed.client("lambda")
        settings = functions.get_function_configuration(FunctionName=self._predictor)
        variables = settings["Environment"]["Variables"] | {"CHAMPION_TTL_SECONDS": "0"}
        functions.update_function_configuration(
            FunctionName=self._predictor, Environment={"Variables": variables}
        )

    def _put_model(self, data: bytes) -> Pointer:
        """Store a model file as a separate version; return a pointer to it."""
        bucket = self.deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
        version = f"v{next(self._versions)}"
        prefix = f"models/{version}/"
        self.deployed.client("s3").put_object(Bucket=bucket, Key=f"{prefix}model.npz", Body=data)
        return Pointer(version, f"s3://{bucket}/{prefix}", hashlib.sha256(data).hexdigest())

    def _log(self) -> str:
        described = self.deployed.client("lambda").get_function_configuration(
            FunctionName=self._predictor
        )
        pages = self.deployed.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=described["LoggingConfig"]["LogGroup"])
        return "".join(entry["message"] for page in found for entry in page["events"])

    def archived(self) -> list[dict[str, Any]]:
        """Return the archive reader's rows."""
        now, hour = datetime.now(UTC), timedelta(hours=1)
        bucket = self.deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
        return archive.read(self.deployed.client("s3"), bucket, now - hour, now + hour)

    def streamed(self) -> dict[str, dict[str, Any]]:
        consumer = Consumer(self.deployed.deployment.target)
        while consumer.poll():
            pass
        return consumer.predictions

    def quarantined(self) -> list[dict[str, Any]]:
        s3 = self.deployed.client("s3")
        bucket = self.deployed.stack.outputs[stack_outputs.QUARANTINE_BUCKET]
        return [
            json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
            for key in self.deployed.objects(bucket, quarantine.PREFIX)
        ]

    def given_up(self) -> list[str]:
        bucket = self.deployed.stack.outputs[stack_outputs.QUARANTINE_BUCKET]
        return self.deployed.objects(bucket, failed_batches.PREFIX)

    def wait_until_settled(self) -> None:
        """Wait until enough of the sent records have an outcome."""

        def is_settled() -> bool:
            kept = {row["prediction_id"] for row in self.archived()}
            held = len(self.quarantined())
            return self.valid <= kept & self.streamed().keys() and held >= len(self.invalid)

        eventually("settlement of all that was sent", is_settled, 120.0)


def is_answering(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def storm(app: Path, tmp_path: Path) -> Iterator[Storm]:
    try:
        yield Storm(app, tmp_path / "stack", seed=1)
    finally:
        local.down(tmp_path / "stack")


def test_every_record_is_accounted_for_after_random_faults(storm: Storm) -> None:
    storm.send()
    storm.wait_until_settled()
    for event in storm.chance.sample(EVENTS, len(EVENTS)):
        storm.send()
        storm.strike(event)
    storm.wait_until_settled()

    rows, messages = storm.archived(), storm.streamed()
    assert Counter(row["prediction_id"] for row in rows) == Counter(storm.valid)
    assert messages.keys() == storm.valid
    values = defaultdict(set)
    for one in (*rows, *messages.values()):
        values[one["prediction_id"], one["model_version"]].add(one["probability"])
    assert {version for _, version in values} == {storm.first.version, storm.second.version}
    assert all(len(found) == 1 for found in values.values())
    held = {
        prediction_id(item["stream"], item["shard"], item["sequence_number"]): (
            base64.b64decode(item["payload_base64"]),
            item["reason"],
        )
        for item in storm.quarantined()
    }
    assert held == storm.invalid
    assert len(storm.quarantined()) == len(held)
    assert storm.given_up() == []
