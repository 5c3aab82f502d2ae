"""Label Studio's formats: tasks for its import, and its exports.

https://labelstud.io/guide/task_format and https://labelstud.io/guide/export. Its JSON has all
annotations of a task. JSON-MIN and CSV have one row per annotation, with the annotation's
`created_at` instead of the post's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cli.errors import FileRefused
from cli.label_queue.ratings import Rating
from cli.post_files.columns import FIELDS
from cli.post_files.contents import marked_encoding
from cli.post_files.values import Notation, record_of
from stresswatch.contracts.labelled_posts import parse_record
from stresswatch.contracts.posts import InvalidPost, post_record
from stresswatch.storage.label_queue import PREDICTION_FIELDS, QueuedPost
from stresswatch.storage.training_sets import check_given
from stresswatch.task.definition import TASK

CONTROL, SHOWN = "label", TASK.fields.text
"""Names of the control and the object in the labelling configuration."""
CHOICES = {label: TASK.label.name(label) for label in (1, 0)}
"""Choices of the control by label."""
_OF_ROWS = frozenset({"annotation_id", "annotator"})
"""Columns that only JSON-MIN and CSV exports have."""
_OF_POSTS = tuple(name for name in FIELDS if name not in (TASK.fields.created_at, "confidence"))
_DELIMITERS = (",", "\t", ";")
"""Of CSV and TSV exports, and of those that a spreadsheet saved again."""
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


class Export(NamedTuple):
    """Annotators' ratings, and whether the tasks came from the label queue."""

    ratings: list[Rating]
    is_from_queue: bool


def read(path: Path) -> Export | None:
    """Read an export of Label Studio, JSON, JSON-MIN or CSV; return None for any other file.

    Annotations that were cancelled or have no choice are left out.

    Raises
    ------
    FileRefused
        When it is an export, and an annotation is not a label of a post.
    """
    rows = _annotations(path)
    if rows is None:
        return None
    now = datetime.now(UTC)
    found: list[Rating] = []
    faults: list[str] = []
    is_from_queue = False
    for row in rows:
        if isinstance(row, _Fault):
            faults.append(f"{row.place}: {row.detail}")
            continue
        is_from_queue |= row.is_from_queue
        try:
            labelled = parse_record(record_of(row.fields, notation=row.notation))
            check_given(labelled, now)
        except InvalidPost as error:
            faults.append(f"{row.place}: {error.detail}")
        else:
            found.append(Rating(labelled, row.annotator))
    faults = list(dict.fromkeys(faults))  # of several annotations of a task
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
    return Export(found, is_from_queue)


class _Annotation(NamedTuple):
    """The position of an annotation, its annotator, and the fields of the labelled post."""

    place: str
    annotator: str | float | None
    fields: dict[str, object]
    is_from_queue: bool
    notation: Notation | None = None


class _Fault(NamedTuple):
    """A deviation from Label Studio's format, with its position."""

    place: str
    detail: str


_Found = Iterable[_Annotation | _Fault]


def _annotations(path: Path) -> _Found | None:
    if not path.is_file():
        return None  # the reader of other files has a better message
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    begins = head.decode(_encoding(head), errors="replace").lstrip()
    if begins.startswith("["):
        return _of_json(path)
    header, *_ = [*begins.splitlines(), ""]
    columns = header.replace('"', "")
    found = (one for one in _DELIMITERS if set(columns.split(one)) >= _OF_ROWS)
    delimiter = next(found, None)
    return _of_csv(path, delimiter) if delimiter else None


def _of_json(path: Path) -> _Found | None:
    try:
        exported = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise FileRefused(
            "not_json",
            f"{path}, line {error.lineno}: it begins as a JSON array and is cut off; export it "
            "again.",
        ) from error
    except (ValueError, RecursionError) as error:  # a number too long, or nested too deep
        raise FileRefused("not_json", f"{path} is not JSON with posts; export it again.") from error
    names = {name for one in exported if isinstance(one, dict) for name in one}
    if "annotations" in names:
        return (found for number, one in enumerate(exported, 1) for found in _of_task(number, one))
    if names >= _OF_ROWS:
        return (found for number, one in enumerate(exported, 1) for found in _of_row(number, one))
    if "data" in names:
        raise FileRefused(
            "no_annotation",
            f"{path} has tasks without annotations, as `stresswatch queue export` writes them: "
            "import it into Label Studio, label the tasks there, and submit its export.",
        )
    return None


def _of_csv(path: Path, delimiter: str) -> _Found:
    try:
        rows = list(csv.DictReader(io.StringIO(_text(path), newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise FileRefused("csv_damaged", f"{path}: {error}; export it again.") from error
    for number, row in enumerate(rows, start=1):
        for one in _of_row(number, row):
            yield (
                one._replace(notation=Notation(delimiter)) if isinstance(one, _Annotation) else one
            )


def _encoding(head: bytes) -> str:
    return marked_encoding(head) or "utf-8"


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise FileRefused(
            "not_utf8",
            f"{path}, line {line}: it is not UTF-8, which Label Studio writes; submit its export "
            "as downloaded, before another program saves it.",
        ) from error


def _of_row(number: int, row: Any) -> _Found:
    """Return the annotation of a row of JSON-MIN or CSV, if it has a choice."""
    place = f"row {number}"
    try:
        row = _of_type(row, dict, "the row must be an object")
        if row.get(CONTROL):
            fields = {name: row[name] for name in _OF_POSTS if name in row}
            fields["labelled_at"] = row.get("updated_at")
            yield _Annotation(
                place, _annotator(row.get("annotator")), fields, "prediction_id" in row
            )
    except InvalidPost as error:
        yield _Fault(place, error.detail)


def _of_task(number: int, task: Any) -> _Found:
    place = f"task {number}"
    try:
        task = _of_type(task, dict, "the task must be an object")
        place = f"task {task.get('id', number)}"
        annotations = _of_type(task.get("annotations"), list, "annotations must be a list")
        data = _of_type(task.get("data"), dict, "data must be an object with the post")
        for annotation in annotations:
            annotation = _of_type(annotation, dict, "an annotation must be an object")
            choice = None if annotation.get("was_cancelled") else _choice(annotation)
            if choice is not None:
                fields = {name: data[name] for name in FIELDS if name in data}
                fields |= {CONTROL: choice, "labelled_at": annotation.get("updated_at")}
                annotator = _annotator(annotation.get("completed_by"))
                yield _Annotation(place, annotator, fields, "prediction_id" in data)
    except InvalidPost as error:
        yield _Fault(place, error.detail)


def _annotator(given: Any) -> str | float | None:
    annotator = given.get("id") if isinstance(given, dict) else given
    said = "completed_by must be an id, or an object with one"
    found: str | float | None = _of_type(annotator, (str, int, float, type(None)), said)
    return found


def _choice(annotation: Mapping[str, Any]) -> object:
    """Return an annotation's choice, a list of several, or None without a choice.

    With several controls of choices, the one named `CONTROL` counts.
    """
    results = [
        _of_type(result, dict, "a result must be an object")
        for result in _of_type(annotation.get("result", []), list, "result must be a list")
    ]
    of_choices = [result for result in results if result.get("type") == "choices"]
    controls = [result.get("from_name") for result in of_choices]
    if any(control != controls[0] for control in controls):
        of_choices = [result for result in of_choices if result.get("from_name") == CONTROL]
    chosen = []
    for result in of_choices:
        value = _of_type(result.get("value"), dict, "the value of choices must be an object")
        chosen += _of_type(value.get("choices"), list, "choices must be a list")
    return chosen[0] if len(chosen) == 1 else chosen or None


def _of_type(value: Any, type_: type | tuple[type, ...], said: str) -> Any:
    if not isinstance(value, type_):
        raise InvalidPost("annotation_invalid", said)
    return value
