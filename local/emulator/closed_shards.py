"""Keep split or merged shards readable to their end, as AWS does.

The emulator deletes them with their unread records, and has no option against it. So this patches
the emulator: names that a release removes break its start, not the records.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from ministack.services import kinesis  # type: ignore[import-untyped]

_Answer = tuple[int, dict[str, str], bytes]
_Operation = Callable[[dict[str, Any]], _Answer]

_CLOSED = "closed"


def keep_closed_shards() -> None:
    """Patch this process's emulator to close shards instead of deleting them."""
    for name in ("_split_shard", "_merge_shards", "_describe_stream_summary"):
        setattr(kinesis, name, partial(_among_open, getattr(kinesis, name)))
    kinesis._route_to_shard = partial(_route_to_open, kinesis._route_to_shard)
    kinesis._get_records = partial(_get_records_to_the_end, kinesis._get_records)
    kinesis._update_shard_count = _refuse_to_update


def _among_open(operation: _Operation, request: dict[str, Any]) -> _Answer:
    """Let an operation see only open shards, and close those that it deletes."""
    _, stream = kinesis._resolve_stream(request)
    if not stream:
        return operation(request)
    before = stream["shards"]
    stream["shards"] = _open(before)
    answer = operation(request)
    closed = {name: shard for name, shard in before.items() if name not in stream["shards"]}
    for shard in closed.values():
        shard[_CLOSED] = True
    stream["shards"] = closed | stream["shards"]
    return answer


def _route_to_open(route: Callable[..., str], key: int, stream: dict[str, Any]) -> str:
    return route(key, {"shards": _open(stream["shards"])})


def _get_records_to_the_end(get_records: _Operation, request: dict[str, Any]) -> _Answer:
    """Return no next iterator at the end of a closed shard."""
    status, headers, body = get_records(request)
    answer = json.loads(body)
    state = kinesis._shard_iterators.get(answer.get("NextShardIterator"))
    if state:
        shard = kinesis._streams[state["stream"]]["shards"][state["shard_id"]]
        if _CLOSED in shard and state["position"] >= len(shard["records"]):
            del answer["NextShardIterator"]
            body = json.dumps(answer).encode()
    return status, headers, body


def _refuse_to_update(_request: dict[str, Any]) -> _Answer:
    refusal: _Answer = kinesis.error_response_json(
        "InvalidArgumentException",
        "The emulator would delete every record: use SplitShard and MergeShards.",
        400,
    )
    return refusal


def _open(shards: dict[str, Any]) -> dict[str, Any]:
    return {name: shard for name, shard in shards.items() if _CLOSED not in shard}
