"""Keep acknowledged writes after a sudden end of the emulator, as AWS does.

By itself, the emulator writes S3 objects to disk at once, and everything else at an orderly stop.
With this patch, stream records go to a log before the answer of `PutRecords`. Parameters, tables
and stream shards are saved before the answer of a request that changes them. After larger changes,
such as a deployment, the caller requests a save of everything. After a kill, metrics, logs and
queue messages are from the last such save.

Like `closed_shards`, this patches the emulator: names that a release removes break its start, not
the records.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from ministack import app as emulator  # type: ignore[import-untyped]
from ministack.core.persistence import save_all  # type: ignore[import-untyped]
from ministack.services import kinesis  # type: ignore[import-untyped]

from local.emulator.server import SAVE_PATH

_Answer = tuple[int, dict[str, str], bytes]
_Send = Callable[[dict[str, Any]], Awaitable[None]]

_CHANGES = {
    "PutParameter": "ssm",
    "DeleteParameter": "ssm",
    "PutItem": "dynamodb",
    "UpdateItem": "dynamodb",
    "DeleteItem": "dynamodb",
    "CreateStream": "kinesis",
    "DeleteStream": "kinesis",
    "SplitShard": "kinesis",
    "MergeShards": "kinesis",
}
"""Services by operation whose state is saved at once."""


def keep_what_was_answered(folder: Path) -> None:
    """Patch this process's emulator to keep acknowledged writes, with a log in the folder."""
    log = RecordLog(folder / "records.jsonl")
    for name in ("_put_record", "_put_records"):
        setattr(kinesis, name, partial(_logged, getattr(kinesis, name), log))
    kinesis.load_persisted_state = partial(_restored, kinesis.load_persisted_state, log)
    emulator.app = partial(_saving, emulator.app, log)


class RecordLog:
    """Records that may be missing in the streams' saved state."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file = path.open("ab", buffering=0)

    def add(self, stream: str, records: dict[str, list[dict[str, Any]]]) -> None:
        """Add records of a stream, by shard."""
        self._file.write(json.dumps([stream, records]).encode() + b"\n")

    def replay(self) -> None:
        """Add missing records to the streams."""
        streams = {stream["StreamARN"]: stream for stream in kinesis._streams._data.values()}
        # Text after the last newline is a partial, unacknowledged write.
        for line in self._path.read_bytes().split(b"\n")[:-1]:
            stream, added = json.loads(line)
            for shard, records in added.items():
                held = streams[stream]["shards"][shard]["records"]
                last = held[-1]["SequenceNumber"] if held else ""
                held += [record for record in records if record["SequenceNumber"] > last]

    def clear(self) -> None:
        """Clear the log after the streams were saved."""
        self._file.truncate(0)


def _logged(
    put: Callable[[dict[str, Any]], _Answer], log: RecordLog, request: dict[str, Any]
) -> _Answer:
    """Put records, and log the added ones before the answer."""
    answer = put(request)
    status, _, body = answer
    if status == 200:
        _, stream = kinesis._resolve_stream(request)
        told = json.loads(body)
        counts = Counter(one["ShardId"] for one in told.get("Records", [told]))
        added = {
            shard: stream["shards"][shard]["records"][-count:] for shard, count in counts.items()
        }
        log.add(stream["StreamARN"], added)
    return answer


def _restored(load: Callable[[Any], None], log: RecordLog, state: Any) -> None:
    load(state)
    log.replay()
    _save(log, "kinesis")


async def _saving(
    app: Callable[..., Awaitable[None]],
    log: RecordLog,
    scope: dict[str, Any],
    receive: Any,
    send: _Send,
) -> None:
    """Save a request's changes before its answer."""
    if scope["type"] != "http":
        await app(scope, receive, send)
        return
    if scope["path"] == SAVE_PATH:
        _save(log)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    target = dict(scope["headers"]).get(b"x-amz-target", b"").decode("latin-1")
    changed = _CHANGES.get(target.rpartition(".")[2])

    async def send_when_saved(message: dict[str, Any]) -> None:
        if changed and message["type"] == "http.response.start":
            _save(log, changed)
        await send(message)

    await app(scope, receive, send_when_saved)


def _save(log: RecordLog, *services: str) -> None:
    """Save the state of some or all services."""
    states = emulator._build_persistence_save_dict()
    save_all({name: states[name] for name in services or states})
    if "kinesis" in (services or states):
        log.clear()
