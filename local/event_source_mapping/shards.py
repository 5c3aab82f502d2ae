"""Decide which shards of a stream to read, from where, and when, without AWS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.event_source_mapping.checkpoints import TRIM_HORIZON, Checkpoints, ShardPosition


@dataclass(frozen=True)
class Shard:
    """A shard and the shards that it was split or merged from."""

    shard_id: str
    parents: tuple[str, ...] = ()

    @classmethod
    def from_description(cls, shard: Mapping[str, Any]) -> Shard:
        """Read a shard from `ListShards`."""
        parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
        return cls(shard["ShardId"], tuple(parent for parent in parents if parent))


def shards_to_start(
    listed: Iterable[Shard], started: set[str], checkpoints: Checkpoints, first: ShardPosition
) -> dict[str, ShardPosition]:
    """Choose the shards to start, with the first position of each.

    A shard is read from its checkpoint. Without one, a shard from before the mapping's start is
    read from the mapping's starting position. A later shard, such as a child of a split or merge,
    is read from its trim horizon, after its parents are finished.
    """
    shards = list(listed)
    is_begun = bool(started) or not checkpoints.is_empty
    known = {shard.shard_id for shard in shards} | started
    chosen: dict[str, ShardPosition] = {}
    for shard in shards:
        if shard.shard_id in started:
            continue
        position = checkpoints.get(shard.shard_id)
        if position is not None and position.is_end:
            continue
        parents = [parent for parent in shard.parents if parent in known]
        if not all(_is_finished(parent, checkpoints) for parent in parents):
            continue
        if position is None:
            position = TRIM_HORIZON if parents or is_begun else first
        chosen[shard.shard_id] = position
    return chosen


def _is_finished(shard_id: str, checkpoints: Checkpoints) -> bool:
    position = checkpoints.get(shard_id)
    return position is not None and position.is_end
