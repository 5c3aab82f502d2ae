"""Files for annotators: they are read back as written, and damage causes no crash."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cli.errors import FileRefused
from cli.label_queue import label_studio
from cli.label_queue.exports import ExportFormat, export
from cli.label_queue.label_studio import CHOICES, CONTROL, SHOWN
from cli.post_files import PostFile, Wanted
from stresswatch.contracts.posts import InvalidPost, read_post
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.storage.label_queue import QueuedPost
from stresswatch.storage.training_sets import identity_of

AT = "2026-11-25T10:00:00Z"
ODD = st.text(st.sampled_from("a1 \0\r\n\t\"',;=\\|\x1a\x1b\u2028\ufeffä😀\u202e"), min_size=1)
RESULT = {
    "type": "choices",
    "value": {"choices": [CHOICES[1]]},
    "to_name": SHOWN,
    "from_name": CONTROL,
}
ANNOTATION = {"completed_by": {"id": 1}, "result": [RESULT], "updated_at": AT}
POST = {"prediction_id": "x", "post_id": "p1", "text": "a text"}
TASK = {"id": 1, "data": POST, "annotations": [ANNOTATION]}
ROW = POST | {"annotation_id": 7, "annotator": 1, CONTROL: CHOICES[1], "updated_at": AT}
ODD_VALUES = st.sampled_from([None, 1, 1.5, True, "", "x", "\ud800", [], [[]], {}, {"a": [{}]}])


def written(content: bytes, read):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posts"
        path.write_bytes(content)
        return read(path)


def filled(text, format_):
    """Fill in the label of a file, as a program does that keeps everything else."""
    if format_ is ExportFormat.JSONL:
        return "".join(json.dumps(json.loads(line) | {"label": 1}) for line in text.splitlines())
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(row | {"label": 1} for row in rows)
    return file.getvalue()


@pytest.mark.parametrize("format_", [ExportFormat.CSV, ExportFormat.JSONL])
@given(text=st.one_of(ODD, st.text(min_size=1)))
def test_a_post_of_any_text_survives_export_and_import(format_, text):
    try:
        post = read_post({"post_id": "p1", "text": text, "source": "=cmd|a"})
    except InvalidPost:
        assume(False)
    queued = QueuedPost("x", post, 0.9, "v1", AT, Draw(0.1, 0.5, SampleKind.RANDOM))
    content = filled(export([queued], format_, blind=True), format_).encode()
    (found,) = written(content, lambda path: list(PostFile(path, Wanted.LABELS).labelled_posts()))
    assert identity_of(found.post) == identity_of(post)


def places(value, path=()):
    """Return the path to each value within JSON."""
    yield path
    items = (
        value
        if isinstance(value, dict)
        else dict(enumerate(value if isinstance(value, list) else ()))
    )
    for key, inner in items.items():
        yield from places(inner, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.parametrize("whole", [[TASK, TASK], [ROW, ROW]], ids=["tasks", "rows"])
@given(data=st.data())
def test_a_damaged_export_is_read_or_rejected_with_one_line(whole, data):
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(places(whole))))
        whole = replaced(whole, place, data.draw(ODD_VALUES))
    content = json.dumps(whole).encode()
    end = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    try:
        written(content[:end], label_studio.read)
    except FileRefused as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"annotations": [ANNOTATION | {"result": None}]}, "task 1: result must be a list"),
        ({"annotations": [None]}, "task 1: an annotation must be an object"),
        ({"data": None}, "task 1: data must be an object with the post"),
        (
            {"annotations": [ANNOTATION | {"result": [RESULT | {"value": {}}]}]},
            "task 1: choices must be a list",
        ),
        (
            {"annotations": [ANNOTATION | {"completed_by": [1]}]},
            "task 1: completed_by must be an id",
        ),
    ],
)
def test_a_malformed_annotation_is_reported_with_its_task(changes, said):
    with pytest.raises(FileRefused, match=said):
        written(json.dumps([TASK | changes]).encode(), label_studio.read)
    with pytest.raises(FileRefused, match="task 2: the task must be an object"):
        written(json.dumps([TASK, 5]).encode(), label_studio.read)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_an_export_that_is_not_utf8_is_rejected_with_the_line(encoding):
    row = ROW | {"text": "schön"}
    file = io.StringIO()
    writer = csv.DictWriter(file, list(row))
    writer.writeheader()
    writer.writerow(row)
    table = file.getvalue()
    for content in (table, json.dumps([row], ensure_ascii=False)):
        with pytest.raises(FileRefused, match=r"line \d: it is not UTF-8"):
            written(content.encode(encoding), lambda path: label_studio.read(path))


@pytest.mark.parametrize("name", [[], {}, None, 5])
def test_a_control_with_an_invalid_name_is_ignored(name):
    results = [RESULT, RESULT | {"from_name": name, "value": {"choices": [CHOICES[0]]}}]
    task = TASK | {"annotations": [ANNOTATION | {"result": results}]}
    both = [
        written(json.dumps([one]).encode(), lambda path: str(label_studio.read(path)))
        for one in (TASK, task)
    ]
    assert both[0] == both[1]
