"""A person's posts are removed from all stored data, and other people's posts stay."""

import base64
import gzip
import json
import re

import pytest
from botocore.exceptions import ClientError

from cli.errors import OperatorError
from stresswatch.aws import stack_outputs
from stresswatch.contracts.identity import text_digest
from stresswatch.storage.training_sources import BaseSet, Counts, Sources
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX
from tests.integration.forget.kept import (
    KEY,
    OTHERS,
    PLACES,
    THEIRS,
    counted,
    fill,
    holding,
    line,
    post,
    version,
)
from tests.marker import MARKER


def test_all_records_of_a_person_go_and_other_peoples_stay(kept):
    fill(kept)
    others = len(holding(kept, OTHERS))
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == others == 9
    assert kept.archived() == kept.queued() == [OTHERS]
    assert counted(shown) == dict.fromkeys(PLACES, 1) | {"base data and training sets": 2}


def test_forgetting_works_without_a_label_queue(kept):
    kept.archive(OTHERS, THEIRS)
    del kept.target.outputs[stack_outputs.LABEL_QUEUE_BUCKET]
    assert "label queue" not in kept.forget()
    assert kept.archived() == [OTHERS]


def test_the_digest_of_a_text_is_removed_with_its_row(kept):
    kept.archive(OTHERS, THEIRS)
    kept.archive(OTHERS, THEIRS, first="5", prefix=SHADOW_PREFIX)
    digests = [text_digest(KEY, post_id) for post_id in (OTHERS, THEIRS)]
    assert [len(holding(kept, digest)) for digest in digests] == [2, 2]
    kept.forget()
    assert [len(holding(kept, digest)) for digest in digests] == [2, 0]


def test_a_dry_run_counts_the_same_and_changes_nothing(kept):
    fill(kept)
    before = kept.everything()
    shown = kept.forget(execute=False)
    assert kept.everything() == before
    assert counted(shown) == dict.fromkeys(PLACES, 1) | {"base data and training sets": 2}
    assert "Nothing was removed yet; to remove it, add --execute." in shown


def test_the_sources_file_of_a_training_set_stays_unchanged(kept):
    fill(kept)
    made = Sources(Counts(2, 1), 0, {"posts": BaseSet(2, "2026-11-23T00:00:00+00:00")}, 0)
    kept.put("training", "datasets/v1/sources.json", made.to_bytes())
    shown = kept.forget()
    assert kept.body("training", "datasets/v1/sources.json") == made.to_bytes()
    assert "the owner is unknown" not in shown


def test_the_output_omits_post_text(kept):
    fill(kept)
    assert MARKER not in kept.forget(execute=False) + kept.forget()


def test_several_ids_are_forgotten_at_once_and_unknown_ones_are_named(kept):
    kept.archive("a", "b", "c")
    shown = kept.forget("a", "b", "typo")
    assert kept.archived() == ["c"]
    assert counted(shown)["archive"] == 2
    assert "No records were found for 'typo'." in shown


@pytest.mark.parametrize("typed", ["7", "7.0", " 7\n"])
def test_all_spellings_of_an_id_are_forgotten(kept, typed):
    kept.archive("7", "7.0", " 7 ", "77", "7.5")
    shown = kept.forget(typed)
    assert kept.archived() == ["7.5", "77"]
    assert "No records were found" not in shown


def test_a_rewritten_object_keeps_its_content_type_and_encoding(kept):
    kept.archive(THEIRS, OTHERS)
    (key,) = kept.keys("archive")
    kept.forget()
    head = kept.s3.head_object(Bucket=kept.buckets["archive"], Key=key)
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/x-ndjson", "gzip")


def test_an_emptied_archive_object_stays_for_concurrent_readers(kept):
    kept.archive(THEIRS, THEIRS)
    keys = kept.keys("archive")
    kept.forget()
    assert kept.keys("archive") == keys
    assert kept.archived() == []


def test_unreadable_objects_are_counted_and_do_not_block_a_removal(kept):
    kept.put("archive", "predictions/date=2020-01-01/hour=00/a.jsonl.gz", b"\x1f\x8bcut")
    kept.put("quarantine", "quarantine/date=2020-01-01/a.json", b"[]")
    kept.put("quarantine", "aws/lambda/a", b'{"payload": "[]"}')
    before = kept.everything()
    kept.archive(THEIRS)
    shown = kept.forget()
    assert before.items() <= kept.everything().items()
    assert kept.archived() == []
    assert len(re.findall(r"│\s+1 │$", shown, re.MULTILINE)) == 3


def test_old_object_versions_are_removed_from_versioned_buckets(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS))
    version(kept, "training", line(THEIRS) + line(OTHERS), line(OTHERS), line(OTHERS, n=1))
    kept.s3.delete_object(Bucket=kept.buckets["training"], Key="labels/1.jsonl")
    version(kept, "training", line(THEIRS) + line("third"), key="labels/2.jsonl")
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == 2
    assert kept.lines("labels/2.jsonl")[0]["post_id"] == "third"
    assert re.search(r"│ labels\s+│\s+1 │\s+2 │", shown)


def test_remaining_copies_in_streams_and_models_are_reported(kept):
    kept.put("training", "datasets/v1/posts.jsonl", line(THEIRS))
    kept.put("training", "datasets/v2/posts.jsonl", line(OTHERS))
    kept.put("training", "datasets/base/posts.jsonl", line(THEIRS))
    shown = kept.forget()
    assert "Streams keep records for 24 h" in shown
    assert "Models that learned from it: v1. Retrain." in shown
    assert "A retraining runs" not in shown


def test_an_unknown_id_is_reported_as_not_found(kept):
    shown = kept.forget("nobody")
    assert counted(shown) == dict.fromkeys(PLACES, 0)
    assert "No records were found for 'nobody'." in shown


@pytest.mark.parametrize("post_id", ["", "x" * 257])
def test_an_id_of_invalid_length_is_rejected(kept, post_id):
    with pytest.raises(OperatorError, match="1 to 256 characters"):
        kept.forget(post_id)


def test_a_missing_permission_shows_what_was_removed_so_far(kept):
    fill(kept)

    def deny(request):
        if request["Bucket"] == kept.buckets["archive"]:
            error = {"Error": {"Code": "AccessDenied", "Message": "no s3:GetObjectVersion"}}
            raise ClientError(error, "GetObject")

    kept.before("GetObject", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        kept.forget()
    assert counted(kept.shown)["labels"] == 1
    assert counted(kept.shown)["archive"] == 0


@pytest.mark.parametrize("width", [20, 40])
def test_output_fits_a_narrow_terminal(kept, width):
    fill(kept)
    assert all(len(line) <= width for line in kept.forget(width=width).splitlines())


def test_other_people_in_the_same_quarantined_record_stay(kept):
    key = kept.quarantine(b'[{"post_id":"other-post", "text":" "},%s]' % post())
    assert counted(kept.forget())["quarantine"] == 1
    entry = json.loads(kept.body("quarantine", key))
    assert base64.b64decode(entry["payload_base64"]) == b'[{"post_id":"other-post", "text":" "}]'
    assert entry["reason"] == "text_empty"


@pytest.mark.parametrize(
    ("bucket", "key", "body"),
    [
        ("training", "labels/a.jsonl.gz", gzip.compress(line(THEIRS) + line(OTHERS))),
        ("training", "labels/a.csv", b"Post_ID,text\ntheir-post,words\nother-post,words\n"),
        ("training", "datasets/base/a.json", b"[%s, %s]" % (post(), post(OTHERS))),
        ("training", "scoring/a.csv", b"post_id;text\ntheir-post;a\nother-post;a\n"),
        ("training", "scoring/a.jsonl.scored/v1/part-000000.jsonl.gz", line(THEIRS)),
    ],
)
def test_manually_uploaded_files_are_searched(kept, bucket, key, body):
    kept.put(bucket, key, body)
    kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == (OTHERS.encode() in body or body[:2] == b"\x1f\x8b")


def test_a_record_of_unknown_owner_is_located_without_its_text(kept):
    key = kept.quarantine(b"%s, no JSON" % MARKER.encode())
    shown = kept.forget(execute=False)
    assert f"- s3://{kept.buckets['quarantine']}/{key}: 1" in shown
    assert "1 record stays, as the owner is unknown" in shown
    assert MARKER not in shown


def test_only_the_first_objects_of_unknown_owner_are_listed(kept):
    for number in range(13):
        kept.quarantine(b"no JSON", str(number))
    shown = kept.forget()
    assert "13 records stay, as the owner is unknown" in shown
    assert "- and 3 more objects" in shown
