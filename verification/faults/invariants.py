"""Invariants after a run, under any faults."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from stresswatch.contracts.identity import text_digest
from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import prediction_id
from stresswatch.model.artefact import Artefact
from stresswatch.settled.places import PREDICTIONS, SHADOW, settled_parts
from stresswatch.settled.summaries import read_summaries
from stresswatch.storage import archive, label_queue
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX
from verification.faults.deliveries import STREAM
from verification.faults.posts import MARKER, Sent
from verification.faults.simulation import IDENTITY_KEY, Simulation

_EVER = datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Examination:
    """The results for the records of a run.

    Attributes
    ----------
    given_up : int
        Valid records in the failure destination, complete, whether archived or not.
    lost : int
        Records that are missing everywhere.
    archived_again, streamed_again : int
        Additional rows and messages with the same prediction id.
    shadowed : int
        Records that the challenger also scored.
    violations : tuple of str
        One sentence for each broken invariant.
    """

    records: int
    valid: int
    invalid: int
    deliveries: int
    given_up: int
    lost: int
    archived_again: int
    streamed_again: int
    shadowed: int
    violations: tuple[str, ...]


def examine(simulation: Simulation, log: str) -> Examination:
    """Compare the output of a run with the sent records."""
    valid = {name: sent for name, sent in simulation.sent.items() if sent.post}
    invalid = {name: sent for name, sent in simulation.sent.items() if sent.reason}
    given_up = _given_up(simulation)
    archived = _all_rows(simulation, archive.PREFIX)
    shadowed = _all_rows(simulation, SHADOW_PREFIX)
    streamed = [json.loads(message) for message in simulation.predictions.messages]
    returned = archive.read(_store(simulation), "archive", *_EVER)
    also_returned = archive.read(_store(simulation), "archive", *_EVER, prefix=SHADOW_PREFIX)
    quarantined = _quarantined(simulation)
    kept = Counter(row["prediction_id"] for row in returned)
    heard = Counter(message["prediction_id"] for message in streamed)
    predicted = {name for name in valid if kept[name] and heard[name]}
    settled = predicted | (invalid.keys() & quarantined.keys())
    lost = simulation.sent.keys() - settled - given_up.keys()
    settled_rows = _rows(simulation, PREDICTIONS.settled)
    drawn = [row for row in settled_rows if row["sample"]]
    queued = {one.prediction_id for one in label_queue.read(_store(simulation), "label-queue")}
    unqueued = {row["prediction_id"] for row in drawn} - queued
    checks = (
        ("records are still under way long after the storm", not simulation.is_settled),
        (f"{len(lost)} records are lost", bool(lost)),
        ("the reader returns a prediction twice", any(count > 1 for count in kept.values())),
        ("the archive holds a prediction of no valid record", bool(kept.keys() - valid.keys())),
        ("the stream holds a prediction of no valid record", bool(heard.keys() - valid.keys())),
        ("the reader does not return the earliest row", _by_id(returned) != _earliest(archived)),
        ("a part is not settled with all there is", bool(simulation.settling.stale())),
        ("the settled archive differs", settled_rows != _rounded(returned)),
        (
            "the settled shadow differs",
            _rows(simulation, SHADOW.settled) != _rounded(also_returned),
        ),
        ("the rows of drawn posts differ", _rows(simulation, str(PREDICTIONS.drawn)) != drawn),
        ("a drawn post is not in the label queue", bool(unqueued - given_up.keys())),
        ("summaries count other rows", _counted(simulation) != len(returned)),
        ("an archived value is not its version's", not _are_true(archived, valid, simulation)),
        ("an archived digest is not its text's", not _are_digests(archived + shadowed, valid)),
        ("a streamed value is not its version's", not _are_true(streamed, valid, simulation)),
        ("a shadowed value is not the challenger's", not _are_true(shadowed, valid, simulation)),
        ("the challenger is heard of elsewhere", _is_heard(simulation, archived + streamed)),
        ("quarantine holds what is no invalid record", bool(quarantined.keys() - invalid.keys())),
        ("a record is in quarantine other than sent", not _are_as_sent(quarantined, invalid)),
        ("a discarded record differs from the sent one", not _are_whole(given_up, simulation)),
        ("a post's text is in the archive", _quotes(archived + shadowed)),
        ("a post's text is on the predictions stream", _quotes(streamed)),
        ("a post's text is in the log", MARKER in log),
    )
    return Examination(
        records=len(simulation.sent),
        valid=len(valid),
        invalid=len(invalid),
        deliveries=simulation.deliveries.records,
        given_up=len(given_up),
        lost=len(lost),
        archived_again=len(archived) - len({row["prediction_id"] for row in archived}),
        streamed_again=len(streamed) - len(heard),
        shadowed=len({row["prediction_id"] for row in shadowed}),
        violations=tuple(sentence for sentence, is_broken in checks if is_broken),
    )


def _all_rows(simulation: Simulation, prefix: str) -> list[dict[str, Any]]:
    """Return every row that was ever archived, including overwritten objects."""
    return [
        json.loads(line)
        for bucket, key, body in simulation.buckets.puts
        if bucket == "archive" and key.startswith(prefix)
        for line in gzip.decompress(body).splitlines()
    ]


def _store(simulation: Simulation) -> Any:
    return simulation.buckets


def _rows(simulation: Simulation, prefix: str) -> list[dict[str, Any]]:
    """Return every settled row below a prefix, in order of ids."""
    rows = [
        row
        for key in simulation.buckets.keys("archive", prefix)
        for row in pq.read_table(
            io.BytesIO(simulation.buckets.objects["archive", key]), partitioning=None
        ).to_pylist()
    ]
    return sorted(rows, key=lambda row: row["prediction_id"])


def _rounded(returned: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the reader's rows in settled form: by id, in milliseconds, lower-case."""
    rows = []
    for row in sorted(returned, key=lambda row: row["prediction_id"]):
        at = datetime.fromisoformat(row["predicted_at"]).replace(tzinfo=None)
        cut = at.replace(microsecond=at.microsecond // 1000 * 1000)
        rows.append({name.lower(): value for name, value in (row | {"predicted_at": cut}).items()})
    return rows


def _counted(simulation: Simulation) -> int:
    parts = settled_parts(_store(simulation), "archive", PREDICTIONS, *_EVER)
    summaries = read_summaries(_store(simulation), "archive", PREDICTIONS, parts)
    return sum(summary.posts + summary.smoke_posts for summary in summaries)


def _earliest(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Apply the reader's rule to all rows: the earliest, and of two at once the older version's."""
    ranked = sorted(rows, key=lambda row: (row["predicted_at"], row["model_version"]), reverse=True)
    return _by_id(ranked)


def _by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["prediction_id"]: row for row in rows}


def _quarantined(simulation: Simulation) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for key in simulation.buckets.keys("quarantine", ""):
        item = json.loads(simulation.buckets.objects["quarantine", key])
        name = prediction_id(item["stream"], item["shard"], item["sequence_number"])
        found.setdefault(name, []).append(item)
    return found


def _are_as_sent(quarantined: dict[str, list[dict[str, Any]]], invalid: dict[str, Sent]) -> bool:
    return all(
        len(items) == 1
        and items[0]["reason"] == invalid[name].reason
        and base64.b64decode(items[0]["payload_base64"]) == invalid[name].data
        for name, items in quarantined.items()
        if name in invalid
    )


def _given_up(simulation: Simulation) -> dict[str, bytes]:
    """Return the payloads of the failure destination by prediction id."""
    return {
        name: data for record in simulation.deliveries.given_up for name, data in _payloads(record)
    }


def _payloads(record: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for item in json.loads(record["payload"])["Records"]:
        shard, _, number = item["eventID"].partition(":")
        yield prediction_id(STREAM, shard, number), base64.b64decode(item["kinesis"]["data"])


def _are_whole(given_up: dict[str, bytes], simulation: Simulation) -> bool:
    return all(
        name in simulation.sent and simulation.sent[name].data == data
        for name, data in given_up.items()
    )


def _are_true(
    predictions: list[dict[str, Any]], valid: dict[str, Sent], simulation: Simulation
) -> bool:
    """Return whether each prediction equals its version's prediction of the single post."""
    models = [*simulation.models, simulation.challenger]
    artefacts = {model.pointer.version: model.artefact for model in models}

    def is_true(prediction: dict[str, Any]) -> bool:
        post = valid[prediction["prediction_id"]].post
        assert post  # noqa: S101 - a valid record has one
        artefact = artefacts[prediction["model_version"]]
        return bool(prediction["probability"] == _probability(artefact, post))

    return all(is_true(one) for one in predictions if one["prediction_id"] in valid)


def _are_digests(rows: list[dict[str, Any]], valid: dict[str, Sent]) -> bool:
    posts = {name: sent.post for name, sent in valid.items() if sent.post}
    return all(
        row["text_digest"] == text_digest(IDENTITY_KEY, posts[row["prediction_id"]].text)
        for row in rows
        if row["prediction_id"] in posts
    )


@cache
def _probability(artefact: Artefact, post: Post) -> float:
    return float(artefact.score([post.text], np.array([post.numbers])).probability[0])


def _is_heard(simulation: Simulation, predictions: list[dict[str, Any]]) -> bool:
    """Return whether one of the predictions is the challenger's."""
    challenger = simulation.challenger.pointer.version
    return any(one["model_version"] == challenger for one in predictions)


def _quotes(rows: list[dict[str, Any]]) -> bool:
    return any(MARKER in json.dumps(row) for row in rows)
