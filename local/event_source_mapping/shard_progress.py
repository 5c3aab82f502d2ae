"""Progress of one shard: records read, records in flight, and the restart position.

The functions are pure, as in `batching`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from local.event_source_mapping.batching import Lane, ShardRecord, lane_of, take
from local.event_source_mapping.checkpoints import END, ShardPosition


@dataclass(frozen=True)
class Progress:
    """A shard's lanes, and the position of the next read."""

    lanes: tuple[Lane, ...]
    read_up_to: ShardPosition
    is_read: bool = False

    @classmethod
    def begin(cls, position: ShardPosition, lanes: int) -> Progress:
        """Start or restart at a position."""
        return cls((Lane(),) * lanes, position)

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self.lanes)

    @property
    def checkpoint(self) -> ShardPosition:
        """The restart position: all records before it are finished."""
        pending = [lane.oldest for lane in self.lanes if lane.oldest]
        if pending:
            oldest = min(pending, key=lambda record: record.order)
            return ShardPosition.at(oldest.sequence_number)
        return END if self.is_read else self.read_up_to

    def read(self, records: Sequence[ShardRecord], is_end: bool, now: float) -> Progress:
        """Add records, each to its partition key's lane."""
        of_lane: list[list[ShardRecord]] = [[] for _ in self.lanes]
        for record in records:
            of_lane[lane_of(record.partition_key, len(self.lanes))].append(record)
        return Progress(
            lanes=tuple(take(*each, now) for each in zip(self.lanes, of_lane, strict=True)),
            read_up_to=(
                ShardPosition.after(records[-1].sequence_number) if records else self.read_up_to
            ),
            is_read=is_end,
        )

    def with_lane(self, place: int, lane: Lane) -> Progress:
        """Replace a lane's earlier state."""
        return replace(self, lanes=(*self.lanes[:place], lane, *self.lanes[place + 1 :]))
