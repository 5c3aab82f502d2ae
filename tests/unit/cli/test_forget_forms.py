"""A person's record is found in every form that producers send; other people's stay as they are."""

import base64
import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.forget.removal import failed_batch, posts_file, quarantined_record
from tests.unit.cli.test_forget_contents import IDS, OTHERS, THEIRS, given_up, quarantined

SPELLINGS = (
    "post_id",
    "Post_ID",
    " post_id ",
    "postId",
    "POST-ID",
    "post id",
    "\uff50\uff4f\uff53\uff54_\uff49\uff44",
)
MINE = {"post_id": THEIRS, "text": "words"}
YOURS = {"post_id": OTHERS, "text": "words, their-post", "numbers": [1.50, 2e0]}


def payload_left(data: bytes, ids=IDS) -> bytes | None:
    """The part of a payload that the quarantine keeps; a failed batch keeps the same."""
    remainder = quarantined_record(quarantined(data), ids)
    in_batch = failed_batch(given_up(data, b'{"post_id": "x", "text": "t"}'), ids)
    first, *_ = json.loads(json.loads(in_batch.body)["payload"])["Records"]
    if remainder.body is None:
        assert json.loads(in_batch.body)["KinesisBatchInfo"]["batchSize"] == 1
        return None
    left = base64.b64decode(json.loads(remainder.body)["payload_base64"])
    assert base64.b64decode(first["kinesis"]["data"]) == left
    assert remainder.removed == in_batch.removed
    return left


def listing(*records) -> dict:
    children = [{"kind": "t3", "data": record} for record in records]
    return {"kind": "Listing", "data": {"after": None, "children": children}}


def of_reddit(post_id) -> dict:
    return {"name": f"t3_{post_id}", "id": post_id, "selftext": "words", "title": "a title"}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("around", [dict, lambda one: [one], lambda one: {"data": one}])
def test_the_id_field_is_recognised_in_every_spelling(spelling, around):
    data = json.dumps(around({spelling: THEIRS, "text": " "})).encode()
    assert payload_left(data) is None
    assert posts_file(data + b"\n", IDS).body == b""


WRAPPED = {
    "an array": lambda one, other: [one, other],
    "a wrapper": lambda one, other: {"posts": [other, one], "batch": 3},
    "two wrappers": lambda one, other: {"a": {"data": one}, "b": {"data": other}},
    "a listing of Reddit": listing,
    "a string": lambda one, other: [json.dumps(one), json.dumps(other)],
    "a string in a string": lambda one, other: [json.dumps(json.dumps(one)), other],
    "a reply": lambda one, other: {**other, "replies": [one]},
    "what it answers": lambda one, other: {**one, "parent": other},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_only_the_persons_records_are_removed_from_a_shared_payload(wrap):
    data = json.dumps(wrap(MINE, YOURS)).encode()
    left = payload_left(data)
    assert THEIRS not in left.decode().replace(YOURS["text"], "")
    assert json.dumps(YOURS) in left.decode().replace('\\"', '"') or b"replies" in left
    assert quarantined_record(quarantined(data), IDS).removed == {THEIRS: 1}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_a_payload_of_one_person_alone_is_removed_as_a_whole(wrap):
    assert payload_left(json.dumps(wrap(MINE, MINE)).encode()) is None


def test_a_reddit_post_is_recognised_by_its_id_or_its_name():
    data = json.dumps(listing(of_reddit("abc"), of_reddit("xyz"))).encode()
    for post_id in ("abc", "t3_abc"):
        left = json.loads(payload_left(data, frozenset([post_id])))
        assert left == listing(of_reddit("xyz"))


def test_ids_in_other_fields_are_not_taken_for_the_post_id():
    author = {"id": THEIRS, "name": THEIRS}
    for record in ({**YOURS, "author": author}, {**YOURS, "id": THEIRS}, {"author": author}):
        data = json.dumps([record]).encode()
        assert payload_left(data) == data


def test_post_texts_are_not_searched():
    data = json.dumps({"post_id": OTHERS, "text": json.dumps(MINE)}).encode()
    assert payload_left(data) == data


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"]
)
def test_records_are_found_in_every_encoding_and_it_is_kept(encoding):
    data = json.dumps([MINE, YOURS | {"text": "é日😀"}], ensure_ascii=False).encode(encoding)
    left = payload_left(data)
    assert json.loads(left.decode(encoding)) == [YOURS | {"text": "é日😀"}]
    assert left[:2] == data[:2]
    assert payload_left(json.dumps(MINE).encode(encoding)) is None


@pytest.mark.parametrize("times", [1, 2])
def test_compressed_payloads_are_searched(times):
    def packed(data):
        for _ in range(times):
            data = gzip.compress(data, mtime=0)
        return data

    assert payload_left(packed(json.dumps(MINE).encode())) is None
    left = payload_left(packed(json.dumps([MINE, YOURS]).encode()))
    for _ in range(times):
        left = gzip.decompress(left)
    assert json.loads(left) == [YOURS]


@pytest.mark.parametrize("between", ["\n", "", " ", "\r\n", "\n\n"])
def test_concatenated_values_in_one_payload_are_separated(between):
    written = [json.dumps(one) for one in (YOURS, MINE, YOURS)]
    left = payload_left(between.join(written).encode())
    assert left == between.join([written[0], written[2]]).encode()
    assert payload_left(between.join([written[1]] * 3).encode()) is None


def test_a_payload_that_was_base64_encoded_twice_is_searched():
    assert payload_left(base64.b64encode(json.dumps(MINE).encode())) is None
    left = payload_left(base64.b64encode(json.dumps([MINE, YOURS]).encode()))
    assert json.loads(base64.b64decode(left)) == [YOURS]


@pytest.mark.parametrize(
    "broken",
    [
        "{'post_id': 'their-post', 'text': None}",
        "{post_id: their-post, text: words}",
        "post_id=their-post&text=words",
        '{"payload": "{\\"post_id\\": \\"their-post\\", \\"te',
        '[{"post_id": "their-post", "text": "wo',
        '{"PostId" : "their-post", "te',
        "post_id: their-post\ntext: words\n",
    ],
)
def test_a_broken_payload_is_removed_if_it_names_the_id(broken):
    assert payload_left(broken.encode()) is None
    others = broken.replace(THEIRS, "their-post-2").encode()
    assert payload_left(others) == others
    assert quarantined_record(quarantined(others), IDS).unreadable == 1


def test_a_broken_payload_with_another_post_id_is_kept():
    data = b'{"post_id": "x", "answers": "their-post", "te'
    assert payload_left(data) == data
    assert payload_left(b'{"answers": "their-post", "te') is None


@pytest.mark.parametrize(
    ("data", "records"),
    [
        (b'[{"text": "a"}, {"text": "b"}, {"post_id": "x", "text": "c"}]', 2),
        (b'{"data": {"text": "a"}}', 1),
        (b'"a text alone"', 1),
        (b"a text alone", 1),
        (b'{"text": "known by its sequence number"}', 0),
        (b'[{"figure": 1}]', 0),
    ],
)
def test_a_record_without_an_owner_is_kept_and_counted(data, records):
    assert quarantined_record(quarantined(data), IDS).unreadable == records
    assert failed_batch(given_up(data), IDS).unreadable == records
    assert payload_left(data) == data


def test_an_ownerless_record_beside_the_persons_is_kept_and_counted():
    remainder = quarantined_record(quarantined(json.dumps([MINE, {"text": "a"}]).encode()), IDS)
    assert (remainder.removed, remainder.unreadable) == ({THEIRS: 1}, 1)
    assert json.loads(base64.b64decode(json.loads(remainder.body)["payload_base64"])) == [
        {"text": "a"}
    ]


def table(separator=",", newline="\r\n", above="", header="post_id") -> tuple[str, str]:
    """A table of two people, and the rest after a removal."""
    rows = [[header, "text"], [OTHERS, 'a "quoted"\nline'], [THEIRS, "a\nb"], [OTHERS, THEIRS]]

    def written(chosen):
        text = io.StringIO(newline="")
        csv.writer(text, "unix", delimiter=separator, lineterminator=newline).writerows(chosen)
        return above + text.getvalue()

    return written(rows), written([*rows[:2], rows[3]])


@pytest.mark.parametrize(
    ("options", "encoding"),
    [
        ({}, "utf-8"),
        ({"separator": ";", "newline": "\n", "above": "sep=;\n"}, "utf-8-sig"),
        ({"separator": "\t", "header": " Post_ID "}, "utf-16"),
        ({"newline": "\r"}, "utf-8"),
    ],
)
def test_only_the_persons_rows_are_removed_from_a_table(options, encoding):
    before, after = table(**options)
    assert posts_file(before.encode(encoding), IDS).body == after.encode(encoding)
    assert payload_left(before.encode(encoding)) == after.encode(encoding)
    packed = posts_file(gzip.compress(before.encode(encoding)), IDS)
    assert gzip.decompress(packed.body) == after.encode(encoding)


def test_only_the_persons_rows_are_removed_from_parquet():
    def parquet(ids):
        body = io.BytesIO()
        pq.write_table(pa.table({"Post_ID": ids, "text": ["words"] * len(ids)}), body)
        return body.getvalue()

    remainder = posts_file(parquet([7.0, 8.0, None]), frozenset(["7"]))
    assert pq.read_table(io.BytesIO(remainder.body))["Post_ID"].to_pylist() == [8.0, None]
    assert (remainder.removed, remainder.unreadable) == ({"7": 1}, 1)
    assert quarantined_record(quarantined(parquet(["7", "8"])), frozenset(["7"])).removed == {
        "7": 1
    }
    others = parquet(["x"])
    assert posts_file(others, IDS).body == others


def test_a_pretty_printed_array_is_read_as_posts():
    text = json.dumps([MINE, YOURS], indent=2)
    assert json.loads(posts_file(text.encode(), IDS).body) == [YOURS]
    assert posts_file(json.dumps([MINE], indent=2).encode(), IDS).body == b""


def test_a_zip_is_kept_and_counted():
    assert posts_file(b"PK\x03\x04...", IDS).unreadable == 1


KEYS = st.sampled_from(["a", "data", "posts", "children", "é", "payload"])


def nested(record):
    """Any nesting of a record: in arrays, objects and strings, beside other values."""
    rest = st.none() | st.integers() | st.floats(allow_nan=False) | st.just('words\\ and "é"')
    return st.recursive(
        record,
        lambda inner: (
            st.tuples(st.lists(rest, max_size=2), inner, st.lists(rest, max_size=2)).map(
                lambda parts: [*parts[0], parts[1], *parts[2]]
            )
            | st.tuples(st.dictionaries(KEYS, rest, max_size=2), KEYS, inner).map(
                lambda parts: {**parts[0], parts[1]: parts[2]}
            )
            | inner.map(json.dumps)
        ),
        max_leaves=6,
    )


records_of_theirs = st.builds(
    lambda spelling, text: {spelling: THEIRS, "text": text}, st.sampled_from(SPELLINGS), st.text()
)
records_of_others = st.builds(
    lambda post_id, text: {"post_id": post_id, "text": text},
    st.sampled_from([OTHERS, "their-post-2", 7, "é"]),
    st.text(),
)


@given(nested(records_of_theirs), st.booleans(), st.sampled_from(["utf-8", "utf-16"]))
def test_the_persons_record_is_found_in_any_nesting(value, is_ascii, encoding):
    text = json.dumps(value, ensure_ascii=is_ascii)
    data = text.encode(encoding, "replace")
    assert quarantined_record(quarantined(data), IDS).removed == {THEIRS: 1}
    left = quarantined_record(quarantined(data), IDS).body
    if left is not None:
        assert THEIRS not in base64.b64decode(json.loads(left)["payload_base64"]).decode(encoding)


@given(nested(records_of_others), st.booleans(), st.sampled_from([None, 1]))
def test_other_peoples_nested_records_are_kept_byte_for_byte(value, is_ascii, indent):
    data = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "replace")
    entry = quarantined(data)
    assert quarantined_record(entry, IDS).body == entry
    assert posts_file(data, IDS).body == data


@given(
    st.lists(st.tuples(st.booleans(), nested(records_of_others), nested(records_of_theirs))),
    st.booleans(),
)
def test_other_peoples_array_elements_are_kept_byte_for_byte(parts, is_ascii):
    written = [
        (is_theirs, json.dumps(theirs if is_theirs else others, ensure_ascii=is_ascii))
        for is_theirs, others, theirs in parts
    ]
    data = f"[{', '.join(text for _, text in written)}]"
    remainder = quarantined_record(quarantined(data.encode("utf-8", "replace")), IDS)
    others = [text for is_theirs, text in written if not is_theirs]
    assert remainder.removed.total() == len(written) - len(others)
    if remainder.removed and others:
        left = base64.b64decode(json.loads(remainder.body)["payload_base64"]).decode()
        for text in others:
            assert text.encode("utf-8", "replace").decode() in left


UNATTRIBUTABLE = {
    "a list of ids": {"post_id": [THEIRS], "text": "words"},
    "lists of ids and texts": {"post_id": [THEIRS, OTHERS], "text": ["words", "more"]},
    "a table by column": {"post_id": {"0": THEIRS}, "text": {"0": "words"}},
    "a table by row": {"columns": ["post_id", "text"], "data": [[THEIRS, "words"]]},
    "an id as a key": {THEIRS: {"words": "more"}},
    "another field": {"text": "words", "author": THEIRS},
    "base64": {"data": base64.b64encode(json.dumps(MINE).encode()).decode()},
    "a text within": {"payload": json.dumps({"reference": THEIRS})},
}


@pytest.mark.parametrize("form", UNATTRIBUTABLE)
def test_an_unattributable_id_is_counted(form):
    data = json.dumps(UNATTRIBUTABLE[form]).encode()
    for remainder in (quarantined_record(quarantined(data), IDS), posts_file(data, IDS)):
        assert (remainder.removed.total(), remainder.unreadable) == (0, 1)


def test_a_line_without_an_id_is_counted():
    assert posts_file(b'{"text": "words"}\n', IDS).unreadable == 1
