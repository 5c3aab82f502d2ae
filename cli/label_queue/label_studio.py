"""Label Studio's formats: tasks that it imports, and what it exports.

https://labelstud.io/guide/task_format and https://labelstud.io/guide/export. Its JSON has every
annotation of a task; JSON-MIN and CSV have a row for each, and in it the annotation's `created_at`
in place of the post's.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cli.errors import FileRefused
from cli.label_queue.ratings import Rating
from cli.post_files.columns import FIELDS
from cli.post_files.values import record_of
from stresswatch.contracts.labelled_posts import parse_record
from stresswatch.contracts.posts import InvalidPost, post_record
from stresswatch.storage.label_queue import PREDICTION_FIELDS, QueuedPost
from stresswatch.storage.training_sets import check_given
from stresswatch.task.definition import TASK

CONTROL, SHOWN = "label", TASK.fields.text
"""The names of the labelling configuration's control, and of the object that it labels."""
CHOICES = {label: TASK.label.name(label) for label in (1, 0)}
"""The choices of the control, by the labels that they are."""
_OF_ROWS = frozenset({"annotation_id", "annotator"})
"""What a row of JSON-MIN and CSV has, and no other file of posts."""
_OF_POSTS = tuple(name for name in FIELDS if name not in (TASK.fields.created_at, "confidence"))
_HEAD_BYTES = 64 * 1024
_NAMED = 5


def task(queued: QueuedPost, *, blind: bool) -> dict[str, Any]:
    """Return a post as a task; unless it is blind, with the model's answer as a prediction."""
    post = queued.post._replace(asks_reasons=False)
    data = {"prediction_id": queued.prediction_id, **post_record(post)}
    imported: dict[str, Any] = {"data": data}
    if blind:
        return imported
    record = queued.record()
    result = {
        "from_name": CONTROL,
        "to_name": SHOWN,
        "type": "choices",
        "value": {"choices": [CHOICES[queued.is_positive]]},
    }
    prediction = {
        "model_version": queued.model_version,
        "score": queued.probability,
        "result": [result],
    }
    meta = {name: record[name] for name in PREDICTION_FIELDS}
    return {**imported, "predictions": [prediction], "meta": meta}


def read(path: Path) -> list[Rating] | None:
    """Read an export of Label Studio, JSON, JSON-MIN or CSV; return None for any other file.

    Annotations that were cancelled or have no choice are left out.

    Raises
    ------
    FileRefused
        When it is one, and an annotation is no label of a post.
    """
    rows = _annotations(path)
    if rows is None:
        return None
    now = datetime.now(UTC)
    found: list[Rating] = []
    faults: list[str] = []
    for row in rows:
        try:
            labelled = parse_record(record_of(row.fields, delimiter=row.delimiter))
            check_given(labelled, now)
        except InvalidPost as error:
            faults.append(f"{row.place}: {error.detail}")
        else:
            found.append(Rating(labelled, row.annotator))
    if faults:
        more = f"; and {len(faults) - _NAMED:,} more" if len(faults) > _NAMED else ""
        raise FileRefused(
            "annotation_invalid",
            f"{path}, {'; '.join(faults[:_NAMED])}{more}. Label tasks that `stresswatch queue "
            f"export --format label-studio` wrote, with a control of choices "
            f"{' and '.join(map(repr, CHOICES.values()))}. Nothing was submitted.",
        )
    if not found:
        raise FileRefused(
            "no_annotation", f"{path} has no annotation with a choice; label some tasks first."
        )
    return found


class _Annotation(NamedTuple):
    """Where an annotation is, whose it is, and the fields of the labelled post that it makes."""

    place: str
    annotator: object
    fields: dict[str, object]
    delimiter: str | None = None


def _annotations(path: Path) -> Iterator[_Annotation] | None:
    if not path.is_file():
        return None  # which the reader of any other file says better
    with path.open("rb") as file:
        begins = file.read(_HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    if begins.startswith(b"["):
        return _of_json(path)
    header, *_ = [*begins.decode(errors="replace").splitlines(), ""]
    return _of_csv(path) if set(header.replace('"', "").split(",")) >= _OF_ROWS else None


def _of_json(path: Path) -> Iterator[_Annotation] | None:
    try:
        exported = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise FileRefused(
            "not_json",
            f"{path}, line {error.lineno}: it begins as a JSON array and breaks off; export it "
            "anew.",
        ) from error
    first = exported[0] if exported and isinstance(exported[0], dict) else {}
    if isinstance(first.get("annotations"), list):
        return (found for number, one in enumerate(exported, 1) for found in _of_task(number, one))
    if first.keys() >= _OF_ROWS:
        return (found for number, one in enumerate(exported, 1) for found in _of_row(number, one))
    return None


def _of_csv(path: Path) -> Iterator[_Annotation]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            yield from (one._replace(delimiter=",") for one in _of_row(number, row))


def _of_row(number: int, row: Mapping[str, Any]) -> Iterator[_Annotation]:
    """Return the annotation of a row of JSON-MIN or CSV; none where it has no choice."""
    if row.get(CONTROL):
        fields = {name: row[name] for name in _OF_POSTS if name in row}
        fields["labelled_at"] = row.get("updated_at")
        yield _Annotation(f"row {number}", row["annotator"], fields)


def _of_task(number: int, task: Mapping[str, Any]) -> Iterator[_Annotation]:
    for annotation in task["annotations"]:
        choice = None if annotation.get("was_cancelled") else _choice(annotation)
        if choice is not None:
            fields = {name: task["data"][name] for name in FIELDS if name in task["data"]}
            fields |= {CONTROL: choice, "labelled_at": annotation.get("updated_at")}
            by = annotation.get("completed_by")
            annotator = by.get("id") if isinstance(by, dict) else by
            yield _Annotation(f"task {task.get('id', number)}", annotator, fields)


def _choice(annotation: Mapping[str, Any]) -> object:
    """Return what an annotation chose, a list if it chose several; None without a choice."""
    chosen = [
        choice
        for result in annotation.get("result", [])
        if result.get("type") == "choices"
        for choice in result["value"]["choices"]
    ]
    return chosen[0] if len(chosen) == 1 else chosen or None
