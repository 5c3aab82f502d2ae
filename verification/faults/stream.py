"""An in-memory stream whose shards can be split and merged."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.checkpoints import ShardPosition
from local.event_source_mapping.shards import Shard


@dataclass
class _Contents:
    shard: Shard
    records: list[ShardRecord] = field(default_factory=list)
    is_open: bool = True


class PostsStream:
    """Records by shard, in order; split or merged shards stay readable."""

    def __init__(self, shards: int):
        self._contents: dict[str, _Contents] = {}
        self._next = 10**20
        for _ in range(shards):
            self._open()

    @property
    def shards(self) -> list[Shard]:
        return [contents.shard for contents in self._contents.values()]

    @property
    def open_shards(self) -> list[str]:
        return [name for name, contents in self._contents.items() if contents.is_open]

    def put(self, partition_key: str, data: bytes, now: float) -> tuple[str, str]:
        """Add a record; return its shard and sequence number."""
        names = self.open_shards
        name = names[zlib.crc32(partition_key.encode(), 1) % len(names)]
        self._next += 1
        self._contents[name].records.append(ShardRecord(str(self._next), partition_key, data, now))
        return name, str(self._next)

    def split(self, name: str) -> None:
        """Close a shard with two children."""
        self._contents[name].is_open = False
        for _ in range(2):
            self._open(name)

    def merge(self, first: str, second: str) -> None:
        """Close two shards with one child."""
        self._contents[first].is_open = self._contents[second].is_open = False
        self._open(first, second)

    def read(
        self, name: str, position: ShardPosition, limit: int
    ) -> tuple[list[ShardRecord], bool]:
        """Read from a position; the second value tells whether a closed shard has ended."""
        contents = self._contents[name]
        at = contents.records
        if position.sequence_number is not None:
            least = int(position.sequence_number) + (position.kind == "AFTER_SEQUENCE_NUMBER")
            at = [record for record in at if record.order >= least]
        return at[:limit], len(at) <= limit and not contents.is_open

    def _open(self, *parents: str) -> None:
        name = f"shardId-{len(self._contents):012}"
        self._contents[name] = _Contents(Shard(name, parents))
