"""An object's content after the removal of a person's records."""

import base64
import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.forget.removal import failed_batch, posts_file, quarantined_record

THEIRS, OTHERS = "their-post", "other-post"
IDS = frozenset([THEIRS])


def line(post_id, **fields) -> bytes:
    return json.dumps({"post_id": post_id, "text": "words"} | fields).encode() + b"\n"


def quarantined(data: bytes, sequence_number="1") -> bytes:
    payload = base64.b64encode(data).decode()
    entry = {"sequence_number": sequence_number, "payload_base64": payload}
    return json.dumps(entry | {"reason": "text_empty"}).encode()


def given_up(*records: bytes) -> bytes:
    event = {
        "Records": [
            {
                "kinesis": {
                    "sequenceNumber": str(place),
                    "data": base64.b64encode(data).decode(),
                },
                "eventName": "aws:kinesis:record",
            }
            for place, data in enumerate(records, start=1)
        ]
    }
    batch = {"batchSize": len(records), "shardId": "shardId-0"}
    return json.dumps({"KinesisBatchInfo": batch, "payload": json.dumps(event)}).encode()


def test_remaining_lines_are_kept_byte_for_byte():
    others = [b'{"post_id":  "x", "label": "no number"}\r\n', b"\n", b"no JSON\n", line(OTHERS)]
    remainder = posts_file(b"".join([*others[:2], line(THEIRS), *others[2:]]), IDS)
    assert remainder.body == b"".join(others)
    assert (remainder.removed, remainder.unreadable) == ({THEIRS: 1}, 1)


@given(st.lists(st.sampled_from([THEIRS, OTHERS, "their-post-2", None])), st.booleans())
def test_exactly_the_persons_lines_are_removed(owners, is_gzipped):
    body = b"".join(line(owner, place=place) for place, owner in enumerate(owners))
    remainder = posts_file(gzip.compress(body, mtime=0) if is_gzipped else body, IDS)
    assert remainder.body is not None
    left = gzip.decompress(remainder.body) if is_gzipped else remainder.body
    assert left == b"".join(
        line(owner, place=place) for place, owner in enumerate(owners) if owner != THEIRS
    )
    assert remainder.removed.total() == owners.count(THEIRS)


def test_a_last_line_without_a_newline_is_removed_too():
    assert posts_file(line(OTHERS) + line(THEIRS).strip(), IDS).body == line(OTHERS)


@pytest.mark.parametrize("other", ["post-11", "POST-1", "post -1", "", None, 1, ["post-1"]])
def test_an_id_matches_only_as_a_whole(other):
    assert not posts_file(line(other), frozenset(["post-1"])).removed


@pytest.mark.parametrize("broken", [b"\x1f\x8bcut", gzip.compress(line(THEIRS), mtime=0)[:-9]])
def test_a_damaged_gzip_file_is_kept_and_counted_as_unreadable(broken):
    remainder = posts_file(broken, IDS)
    assert (remainder.body, remainder.removed, remainder.unreadable) == (broken, {}, 1)


def test_a_quarantined_record_is_removed_with_its_object():
    assert quarantined_record(quarantined(line(THEIRS, text=" ")), IDS).body is None
    others = quarantined(line(OTHERS, text=" "))
    assert quarantined_record(others, IDS).body == others


def test_a_discarded_batch_keeps_its_other_records():
    batch = given_up(line(THEIRS), line(OTHERS), line(THEIRS))
    remainder = failed_batch(batch, IDS)
    before, after = json.loads(batch), json.loads(remainder.body)
    (left,) = json.loads(after["payload"])["Records"]
    assert left == json.loads(before["payload"])["Records"][1]
    assert after["KinesisBatchInfo"] == {"batchSize": 1, "shardId": "shardId-0"}
    assert remainder.removed == {THEIRS: 2}


def test_a_discarded_batch_is_removed_with_its_last_record():
    assert failed_batch(given_up(line(THEIRS)), IDS).body is None


def test_a_batch_of_other_people_is_kept_byte_for_byte():
    batch = given_up(line(OTHERS), b"no JSON")
    remainder = failed_batch(batch, IDS)
    assert (remainder.body, remainder.removed, remainder.unreadable) == (batch, {}, 1)


@pytest.mark.parametrize(
    ("forget", "pack"), [(quarantined_record, quarantined), (failed_batch, given_up)]
)
class TestRawRecord:
    def taken(self, forget, pack, data: bytes, *ids: str) -> Counter:
        return forget(pack(data), frozenset(ids)).removed

    def test_a_record_without_an_id_is_matched_by_sequence_number(self, forget, pack):
        assert self.taken(forget, pack, b'{"text": " "}', "1")
        assert self.taken(forget, pack, b'{"text": " ", "post_id": null}', "1")
        assert not self.taken(forget, pack, b'{"text": " ", "post_id": "x"}', "1")
        assert not self.taken(forget, pack, b'{"text": " "}', "2")

    def test_a_broken_record_is_removed_if_it_contains_the_quoted_id(self, forget, pack):
        assert self.taken(forget, pack, b'{"post_id": "their-post", "text": "wo', THEIRS)
        assert self.taken(forget, pack, b'{"post_id": "their-post"}\xff', THEIRS)
        assert not self.taken(forget, pack, b'{"post_id": "their-post-2", "text": "t', THEIRS)
        assert not self.taken(forget, pack, b'{"post_id": "x", "text": "their-post', THEIRS)

    def test_a_broken_record_without_a_known_owner_is_counted(self, forget, pack):
        assert forget(pack(b'{"text": "wo'), IDS).unreadable == 1
        assert forget(pack(b"[" * 100_000), IDS).unreadable == 1
        assert forget(pack(b'{"text": "words"}'), IDS).unreadable == 0

    @pytest.mark.parametrize(
        ("data", "post_id"),
        [
            (b'{"post_id": 12}', "12"),
            (b'{"post_id": "zo\\u00eb"}', "zoë"),
            ('{"post_id": "zoë"}'.encode(), "zoë"),
            ('{"post_id": "zoë", "te'.encode(), "zoë"),
            (b'{"post_id": "zo\\u00eb", "te', "zoë"),
            (b'{"post_id": "a\\/b"}', "a/b"),
        ],
    )
    def test_an_id_is_recognised_in_every_spelling(self, forget, pack, data, post_id):
        assert self.taken(forget, pack, data, post_id) == {post_id: 1}


@pytest.mark.parametrize("forget", [quarantined_record, failed_batch])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'{"payload": "[]"}', b'{"payload": 1}']
)
def test_an_object_of_unknown_format_is_kept_and_counted(forget, body):
    remainder = forget(body, IDS)
    assert (remainder.body, remainder.removed, remainder.unreadable) == (body, {}, 1)
