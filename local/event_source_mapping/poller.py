"""Run an event source mapping: find the stream's shards, and process each.

`shards` decides which shards to read, and from where. The calls use the function's own role, so its
policies apply as on AWS.
"""

from __future__ import annotations

import time
from pathlib import Path

from local.endpoint import Endpoint, Role
from local.event_source_mapping.checkpoints import TRIM_HORIZON, Checkpoints, ShardPosition
from local.event_source_mapping.mapping import EventSourceMapping
from local.event_source_mapping.shard_worker import ShardWorker
from local.event_source_mapping.shards import Shard, shards_to_start
from local.threads import Threads

_LIST_SHARDS_SECONDS = 1.0


class Poller:
    """Run one mapping in its own threads: one finds shards, others process them."""

    def __init__(
        self, mapping: EventSourceMapping, endpoint: Endpoint, folder: Path, threads: Threads
    ):
        self._mapping = mapping
        self._endpoint = endpoint
        self._threads = threads
        self._checkpoints = Checkpoints(folder / f"{mapping.mapping_id}.json")
        self._role = Role(endpoint, mapping.role_arn)
        self._started: set[str] = set()

    def start(self) -> None:
        """Start polling."""
        self._start_shards()
        self._threads.repeat("shards", _LIST_SHARDS_SECONDS, self._start_shards)

    def _start_shards(self) -> None:
        listed: list[Shard] = []
        request = {"StreamARN": self._mapping.stream_arn}
        while True:
            answer = self._role.client("kinesis").list_shards(**request)
            listed += [Shard.from_description(shard) for shard in answer["Shards"]]
            if "NextToken" not in answer:
                break
            request = {"NextToken": answer["NextToken"]}
        first = TRIM_HORIZON
        if self._mapping.settings.starting_position == "LATEST":
            first = ShardPosition("AT_TIMESTAMP", timestamp=time.time())
        chosen = shards_to_start(listed, self._started, self._checkpoints, first)
        for shard_id, position in chosen.items():
            self._started.add(shard_id)
            self._checkpoints.save(shard_id, position)
            worker = ShardWorker(
                shard_id, position, self._mapping, self._endpoint, self._checkpoints, self._threads
            )
            worker.start()
