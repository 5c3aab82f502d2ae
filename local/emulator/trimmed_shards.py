"""Keeps a reader's place in a shard when records become too old, as AWS does.

An iterator of the emulator is a place in the list of a shard's records. When the oldest leave the
list, what comes next stands before that place, and is never read.

Like `closed_shards` this changes the emulator from inside: names that a release takes away break
its start, not the records.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import kinesis  # type: ignore[import-untyped]


def keep_places() -> None:
    """Have the iterators of this process's emulator stay before the record that is next."""
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
