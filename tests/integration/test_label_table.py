"""The table of the newest labels on moto: each file is merged once, through all changes."""

import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.forget.removal import posts_file
from stresswatch.contracts.identity import text_digest
from stresswatch.monitoring import label_table
from stresswatch.monitoring.label_table import LabelsChange, LabelTable
from stresswatch.monitoring.live_quality import Labels
from stresswatch.storage.training_sets import lines_of
from tests.integration.conftest import IDENTITY_KEY as KEY
from tests.newest_labels import newest_labels

NOW = datetime.now(UTC)
IDS = [f"post-{number}" for number in range(4)]


def line(post_id="post-1", label=1, at=NOW - timedelta(days=1), text="a day", confidence=1.0):
    record = {"post_id": post_id, "text": text, "label": label, "confidence": confidence}
    return json.dumps(record | {"labelled_at": at.isoformat()}).encode()


class Files:
    """The label files, and the table made from them."""

    def __init__(self, aws):
        self.aws = aws
        self.table = LabelTable(aws.s3, "training", KEY)

    def put(self, name, *lines):
        self.aws.put("training", f"labels/{name}.jsonl", b"\n".join(lines))

    def delete(self, name):
        self.aws.s3.delete_object(Bucket="training", Key=f"labels/{name}.jsonl")

    def fold(self, now=None):
        """Merge, and return all labels."""
        known = self.table.fold(now)
        labels = known.of(IDS)
        assert (labels.elsewhere, known.posts) == (0, len(labels.by_post))
        return labels

    def expected(self, now=None):
        """Return the labels in the files."""
        bodies = [self.aws.body("training", key) for key in self.aws.keys("training", "labels/")]
        return newest_labels([one for body in bodies for one in lines_of(body)], KEY, now)

    def etag(self):
        return self.aws.s3.head_object(Bucket="training", Key=label_table.KEY)["ETag"]


@pytest.fixture
def files(aws):
    return Files(aws)


def test_the_table_holds_the_labels_of_the_files_as_parquet(files):
    files.put("a", line(label=0), line("post-2"), b"no JSON")
    assert files.fold() == files.expected() != Labels({}, 0)
    table = pq.read_table(io.BytesIO(files.aws.body("training", label_table.KEY)))
    assert table.column_names == list(label_table.COLUMNS)
    assert table.select(["post_id", "text_digest", "label"]).to_pylist() == [
        {"post_id": "post-1", "text_digest": text_digest(KEY, "a day"), "label": 0},
        {"post_id": "post-2", "text_digest": text_digest(KEY, "a day"), "label": 1},
    ]


def test_a_file_is_read_once(files, monkeypatch):
    files.put("a", line())
    files.fold()
    files.put("b", line("post-2"), b"no JSON")
    read, expected = [], files.expected()
    get = files.aws.s3.get_object
    monkeypatch.setattr(
        files.aws.s3, "get_object", lambda **named: read.append(named["Key"]) or get(**named)
    )
    assert files.fold() == expected
    assert read == [label_table.KEY, "labels/b.jsonl"]


def test_without_new_files_the_table_is_not_written(files):
    files.put("a", line(), b"no JSON")
    files.fold()
    before = files.etag()
    files.aws.put("training", "datasets/base/a.jsonl", b"")
    assert files.fold() == files.expected()
    assert files.etag() == before


def test_without_labels_there_is_no_table(files):
    assert files.fold() == Labels({}, 0)
    assert files.aws.keys("training", label_table.PREFIX) == []


@pytest.mark.parametrize("lines", [[], [line("post-3", 0)]])
def test_old_labels_of_a_rewritten_file_are_removed(files, lines):
    files.put("a", line())
    files.put("b", line("post-2"))
    files.fold()
    files.put("a", *lines)
    assert files.fold() == files.expected()


def test_deleting_the_last_file_empties_the_table(files):
    files.put("a", line())
    files.fold()
    files.delete("a")
    assert files.fold() == Labels({}, 0)
    assert pq.read_table(io.BytesIO(files.aws.body("training", label_table.KEY))).num_rows == 0


def test_a_future_label_counts_from_its_timestamp_on(files):
    files.put("a", line(at=NOW + timedelta(hours=1)), line("post-2"), b"no JSON")
    for now in (NOW, NOW + timedelta(minutes=30), NOW + timedelta(hours=2)):
        assert files.fold(now) == files.expected(now)
    assert files.fold(NOW).invalid == 1  # it is merged by now


def test_a_different_key_rebuilds_the_table(files):
    files.put("a", line())
    files.fold()
    labels = LabelTable(files.aws.s3, "training", b"l" * 64).fold().of(IDS)
    assert labels.by_post.keys() == {("post-1", text_digest(b"l" * 64, "a day"))}


def test_labels_of_unrequested_posts_are_counted(files):
    files.put("a", line(), line("post-2"), line("post-2", text="another"), line("post-3"))
    labels = files.table.fold().of({"post-2", "unseen"})
    assert (len(labels.by_post), labels.elsewhere) == (2, 2)


def test_ids_of_any_characters_are_kept(files):
    ids = ["a'b", 'a"b', "a\\b", "a\nb", "a\0b", "é😀", " "]
    files.put("a", *(line(one) for one in ids))
    files.table.fold()
    assert {one for one, _ in files.table.fold().of(ids).by_post} == set(ids)


def test_two_concurrent_writers_keep_all_labels(files, monkeypatch):
    """The first one writes after the second one's read and before its write."""
    files.put("a", line())
    put = files.aws.s3.put_object

    def slow(**named):
        monkeypatch.setattr(files.aws.s3, "put_object", put)
        files.put("b", line("post-2"))
        Files(files.aws).fold()
        return put(**named)

    monkeypatch.setattr(files.aws.s3, "put_object", slow)
    assert files.fold() == files.expected()
    assert len(files.fold().by_post) == 2


def test_continuous_writes_by_others_are_an_error(files, monkeypatch):
    def overtaken(**_):
        raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")

    files.put("a", line())
    monkeypatch.setattr(files.aws.s3, "put_object", overtaken)
    with pytest.raises(LabelsChange, match="changed during each of 5 attempts"):
        files.fold()


def test_the_table_can_be_updated_after_a_persons_removal(files):
    files.put("a", line())
    files.put("b", line("post-2"))
    files.fold()
    for key in (label_table.KEY, "labels/a.jsonl"):
        left = posts_file(files.aws.body("training", key), frozenset(["post-1"]))
        assert left.removed == {"post-1": 1}
        files.aws.put("training", key, left.body)
    table = pq.read_table(io.BytesIO(files.aws.body("training", label_table.KEY)))
    assert table["post_id"].to_pylist() == ["post-2"]
    assert files.fold() == files.expected()


_lines = st.builds(
    line,
    st.sampled_from(IDS),
    st.integers(0, 1),
    st.sampled_from([-3, -2, -1, 1, 2]).map(lambda hours: NOW + timedelta(hours=hours)),
    st.sampled_from(["a day", "A  day", "another day"]),
    st.sampled_from([0.0, 0.5, 1.0]),
) | st.just(b"no JSON")
_steps = st.tuples(st.sampled_from("abc"), st.lists(_lines, max_size=4) | st.none())


@given(st.lists(_steps, max_size=6), st.randoms(use_true_random=False))
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_table_matches_the_files_after_any_changes(aws, steps, random):
    """Files arrive, are rewritten and go; time passes; some runs are skipped."""
    files = Files(aws)
    for key in aws.keys("training"):
        aws.s3.delete_object(Bucket="training", Key=key)
    now = NOW
    for name, lines in steps:
        files.delete(name) if lines is None else files.put(name, *lines)
        now += timedelta(minutes=random.choice([0, 90]))
        if random.random() < 0.7:
            assert files.fold(now) == files.expected(now)
    assert files.fold(now) == files.expected(now)
