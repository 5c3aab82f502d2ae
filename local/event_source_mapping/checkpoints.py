"""Checkpoints of a stream's shards, in a file."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class ShardPosition:
    """A position in a shard, in the terms of `GetShardIterator`, or its end."""

    kind: str
    sequence_number: str | None = None
    timestamp: float | None = None

    @classmethod
    def at(cls, sequence_number: str) -> ShardPosition:
        return cls("AT_SEQUENCE_NUMBER", sequence_number)

    @classmethod
    def after(cls, sequence_number: str) -> ShardPosition:
        return cls("AFTER_SEQUENCE_NUMBER", sequence_number)

    @property
    def is_end(self) -> bool:
        return self == END


TRIM_HORIZON = ShardPosition("TRIM_HORIZON")
END = ShardPosition("END")


class Checkpoints:
    """Positions by shard, which survive a restart."""

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._positions: dict[str, ShardPosition] = {}
        if path.exists():
            saved = json.loads(path.read_text())
            self._positions = {
                shard: ShardPosition(**position) for shard, position in saved.items()
            }

    def get(self, shard_id: str) -> ShardPosition | None:
        return self._positions.get(shard_id)

    @property
    def is_empty(self) -> bool:
        return not self._positions

    def save(self, shard_id: str, position: ShardPosition) -> None:
        with self._lock:
            if self._positions.get(shard_id) == position:
                return
            self._positions[shard_id] = position
            text = json.dumps({shard: asdict(place) for shard, place in self._positions.items()})
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".tmp")
            temporary.write_text(text)
            os.replace(temporary, self._path)  # noqa: PTH105 - atomic, as the reader needs it
