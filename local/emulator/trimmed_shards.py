"""Keep a reader's position in a shard when records expire, as AWS does.

An iterator of the emulator is an index in the list of a shard's records. When the oldest leave the
list, the next records move before this index, and are never read.

Like `closed_shards`, this patches the emulator: names that a release removes break its start, not
the records.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import kinesis  # type: ignore[import-untyped]


def keep_places() -> None:
    """Patch this process's emulator to keep iterators before the next record."""
    kinesis._expire_records = partial(_expire_and_move, kinesis._expire_records)


def _expire_and_move(expire: Callable[[dict[str, Any]], None], stream: dict[str, Any]) -> None:
    before = {name: len(shard["records"]) for name, shard in stream["shards"].items()}
    expire(stream)
    gone = {
        name: length - len(stream["shards"][name]["records"]) for name, length in before.items()
    }
    if not any(gone.values()):
        return
    for iterator in kinesis._shard_iterators.values():
        if iterator["stream"] == stream["StreamName"]:
            moved = iterator["position"] - gone.get(iterator["shard_id"], 0)
            iterator["position"] = max(0, moved)
