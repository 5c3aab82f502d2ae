"""`stresswatch replay`: find held objects, claim them, deliver their records, settle them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from rich.console import Console

from cli.deployment.target import Target
from cli.errors import OperatorError, UnreadableObject
from cli.parallel import in_parallel
from cli.replay.claims import HeldObjects
from cli.replay.held_objects import HeldObject, Selection, invocations
from cli.replay.redelivery import Delivery
from cli.replay.view import Replaying
from cli.timestamps import parse_timestamp, utc_now
from stresswatch.aws import stack_outputs


def selection_of(reasons: Sequence[str], since: str | None, until: str | None) -> Selection:
    """Read the options that select records.

    Raises
    ------
    OperatorError
        When a timestamp is invalid, or the last is not after the first.
    """
    start = None if since is None else parse_timestamp(since, "--since")
    end = None if until is None else parse_timestamp(until, "--until")
    if start and end and start >= end:
        raise OperatorError("--until must be later than --since.")
    return Selection(frozenset(reasons), start, end)


def replay(
    console: Console,
    target: Target,
    selection: Selection,
    *,
    execute: bool,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Replay or count the selected records; return the number of unfinished ones.

    Raises
    ------
    OperatorError
        When the predictor cannot finish; finished records stay finished.
    """
    stream = target.client("kinesis").describe_stream_summary(
        StreamName=target.output(stack_outputs.POSTS_STREAM)
    )["StreamDescriptionSummary"]["StreamARN"]
    bucket = target.output(stack_outputs.QUARANTINE_BUCKET)
    held_objects = HeldObjects(target.client("s3"), bucket, stream, now)
    delivery = Delivery(
        target.client("lambda"), target.output(stack_outputs.PREDICTOR_FUNCTION), sleep
    )
    with Replaying(console, selection.reasons, execute=execute) as shown:
        for objects in invocations(_selected(held_objects, selection, shown)):
            if execute:
                _replay(held_objects, delivery, objects, shown)
    return shown.left


def _selected(
    held_objects: HeldObjects, selection: Selection, shown: Replaying
) -> Iterator[HeldObject]:
    for found in held_objects.find(selection):
        if isinstance(found, UnreadableObject):
            shown.unreadable(found)
            continue
        shown.saw(found)
        if found in selection:
            shown.found(found)
            yield found


def _replay(
    held_objects: HeldObjects, delivery: Delivery, objects: Sequence[HeldObject], shown: Replaying
) -> None:
    """Replay the objects of one invocation."""
    claimed: list[HeldObject] = []
    done: frozenset[str] = frozenset()
    try:
        for held_object, claim in zip(
            objects, in_parallel(held_objects.claim, objects), strict=True
        ):
            if claim is None:
                shown.elsewhere(held_object)
            else:
                claimed.append(claim)
        for delivered in delivery.deliver(
            [record for held_object in claimed for record in held_object.records]
        ):
            done |= delivered.done
            if delivered.crash:
                shown.crashed(delivered.crash)
    finally:
        # After any error, unfinished records are released.
        settled = in_parallel(lambda held_object: held_objects.settle(held_object, done), claimed)
        for held_object, settlement in zip(claimed, settled, strict=True):
            shown.settled(held_object, settlement)
