"""The function scores a part, and a file is copied as JSON Lines, on moto."""

import gzip
import json
from dataclasses import asdict
from decimal import Decimal

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from rich.console import Console

from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.score import scoring_job
from cli.score.inputs import Input, input_at
from cli.score.scoring_job import ScoringJob
from lambdas.scoring import handler as scoring_module
from lambdas.scoring.handler import handler
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import InvalidPost, parse_post, post_record
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.serving.batch_scoring import parts_of, results_of
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_files import DigestMismatch
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT
from tests.marker import MARKER, holds_marker

QUIET = Console(quiet=True)

KEY = "scoring/posts.jsonl"
RESULTS = results_of(KEY, "v1")
POSTS = [labelled.post for labelled in make_posts(60, seed=5)]
LINES = [json.dumps(post_record(post)).encode() for post in POSTS]


@pytest.fixture(autouse=True)
def _cold_start():
    scoring_module._model.cache_clear()


@pytest.fixture
def pointer(aws, version_files):
    return aws.publish("v1", version_files)


@pytest.fixture
def upload(aws):
    def put(lines, key=KEY, part_bytes=4000):
        aws.put("training", key, b"\n".join(lines))
        head = aws.s3.head_object(Bucket="training", Key=key)
        return parts_of(key, head["ETag"], head["ContentLength"], part_bytes)

    return put


def event(part, pointer):
    return {"part": asdict(part), "results": RESULTS, **asdict(pointer)}


def rows(aws):
    return [
        json.loads(line)
        for key in aws.keys("training", f"{RESULTS}part-")
        for line in gzip.decompress(aws.body("training", key)).splitlines()
    ]


class TestFunction:
    def test_all_parts_together_equal_the_predictors_predictions(
        self, aws, pointer, upload, version_files
    ):
        parts = upload(LINES)
        assert len(parts) > 2
        answers = [handler(event(part, pointer), CONTEXT) for part in parts]
        assert sum(answer["posts"] for answer in answers) == len(POSTS)
        artefact = Artefact.from_bytes(version_files["model.npz"])
        expected = predict([(post.post_id, post) for post in POSTS], artefact, "v1", "now")
        assert {row["post_id"]: row["probability"] for row in rows(aws)} == pytest.approx(
            {one.post.post_id: one.probability for one in expected}, abs=1e-12
        )
        assert len({row["prediction_id"] for row in rows(aws)}) == len(POSTS)

    def test_rescoring_a_part_writes_the_same_rows(self, aws, pointer, upload):
        part = upload(LINES)[0]
        handler(event(part, pointer), CONTEXT)
        before = [row | {"predicted_at": ""} for row in rows(aws)]
        handler(event(part, pointer), CONTEXT)
        assert [row | {"predicted_at": ""} for row in rows(aws)] == before

    def test_invalid_lines_are_counted_and_located_without_text(self, aws, pointer, upload, capfd):
        lines = [LINES[0], b'{"text": "' + MARKER.encode(), b"", f'"{MARKER}"'.encode(), LINES[1]]
        (part,) = upload(lines, part_bytes=1_000_000)
        assert handler(event(part, pointer), CONTEXT) == {"posts": 2, "invalid": 2}
        counts = json.loads(aws.body("training", f"{RESULTS}counts/part-000000.json"))
        assert counts["invalid"] == {"not_json": 1, "not_an_object": 1}
        kept = gzip.decompress(aws.body("training", f"{RESULTS}invalid/part-000000.jsonl.gz"))
        assert [(row["byte"], row["reason"]) for row in map(json.loads, kept.splitlines())] == [
            (len(LINES[0]) + 1, "not_json"),
            (len(LINES[0]) + len(lines[1]) + 3, "not_an_object"),
        ]
        written = [aws.body("training", key) for key in aws.keys("training", RESULTS)]
        assert len(written) == 3
        assert not any(map(holds_marker, written))
        assert not holds_marker("".join(capfd.readouterr()).encode())

    def test_a_post_without_an_id_gets_its_byte_offset_as_id(self, aws, pointer, upload):
        (part,) = upload([LINES[0], b'{"text": "words"}'], part_bytes=1_000_000)
        handler(event(part, pointer), CONTEXT)
        assert rows(aws)[1]["post_id"] == str(len(LINES[0]) + 1)

    def test_a_file_replaced_after_splitting_is_rejected(self, aws, pointer, upload):
        (part,) = upload(LINES, part_bytes=1_000_000)
        upload(LINES[:1])
        with pytest.raises(ClientError, match="PreconditionFailed"):
            handler(event(part, pointer), CONTEXT)
        assert rows(aws) == []

    def test_an_altered_model_fails_to_load(self, aws, pointer, upload):
        (part,) = upload(LINES, part_bytes=1_000_000)
        with pytest.raises(DigestMismatch):
            handler(event(part, pointer) | {"sha256": "0" * 64}, CONTEXT)


@pytest.fixture(scope="module")
def buckets():
    with mock_aws():
        for bucket in ("training", "elsewhere"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        yield


def test_an_expired_execution_is_not_waited_for(aws):
    machine = "arn:aws:states:us-east-1:123456789012:execution:stresswatch-dev-scoring"
    aws.put("training", f"{RESULTS}run.json", json.dumps({"execution": f"{machine}:gone"}).encode())
    target = Target("stack", {stack_outputs.TRAINING_BUCKET: "training"}, boto3.client)
    job = ScoringJob(target, Input(KEY, "etag", 1), Pointer("v1", "s3://models/v1", "0" * 64))
    assert scoring_job._running(job) is None


class TestInputs:
    @pytest.fixture
    def target(self, buckets):
        return Target("stack", {stack_outputs.TRAINING_BUCKET: "training"}, boto3.client)

    @pytest.fixture
    def table(self):
        records = [post_record(post) for post in POSTS]
        return pd.DataFrame(records)

    def lines(self, found):
        body = boto3.client("s3").get_object(Bucket="training", Key=found.key)["Body"].read()
        assert len(body) == found.size
        return [json.loads(line) for line in body.splitlines()]

    def test_posts_are_converted_and_other_lines_stay_unchanged(self, target, tmp_path):
        file = tmp_path / "lines.jsonl"
        file.write_bytes(LINES[0] + b'\nno post\n\n{"Text": "words", "created_at": 1521614353}\n')
        found = input_at(QUIET, target, str(file))
        assert found.key == "scoring/lines.jsonl"
        body = boto3.client("s3").get_object(Bucket="training", Key=found.key)["Body"].read()
        assert body.splitlines() == [
            LINES[0],
            b"no post",
            b'{"post_id": "3", "text": "words", "created_at": "2018-03-21T06:39:13+00:00"}',
        ]

    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    def test_a_table_is_converted_to_json_lines(self, target, tmp_path, table, suffix):
        file = tmp_path / f"table.{suffix}"
        # Texts with line breaks are the reason why a CSV cannot be cut anywhere.
        table.loc[0, "text"] = 'two\nlines and "quotes"'
        table.to_csv(file, index=False) if suffix == "csv" else table.to_parquet(file)
        found = input_at(QUIET, target, str(file))
        assert found.key == f"scoring/table.{suffix}.jsonl"
        expected = [post_record(post) for post in POSTS]
        expected[0]["text"] = 'two\nlines and "quotes"'
        assert self.lines(found) == expected

    def test_a_feature_of_zero_in_parquet_stays_zero(self, target, tmp_path):
        file = tmp_path / "zero.parquet"
        pd.DataFrame({"post_id": ["a"], "text": ["t"], "sentiment": [0.0]}).to_parquet(file)
        assert self.lines(input_at(QUIET, target, str(file)))[0]["sentiment"] == 0

    def test_texts_of_bytes_in_parquet_are_decoded_or_invalid(self, target, tmp_path):
        file = tmp_path / "bytes.parquet"
        pd.DataFrame({"post_id": ["a", "b"], "text": [b"caf\xc3\xa9", b"\xff"]}).to_parquet(file)
        good, bad = self.lines(input_at(QUIET, target, str(file)))
        assert good["text"] == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
        with pytest.raises(InvalidPost, match="unpaired surrogate"):
            parse_post(json.dumps(bad).encode())

    def test_numeric_ids_and_sources_in_parquet_become_strings(self, target, tmp_path):
        file = tmp_path / "numbers.parquet"
        pd.DataFrame({"post_id": [17], "text": ["t"], "source": [5]}).to_parquet(file)
        (line,) = self.lines(input_at(QUIET, target, str(file)))
        assert (line["post_id"], line["source"]) == ("17", "5")

    @pytest.mark.parametrize("text", [["a", "list"], {"a": "struct"}, 5])
    def test_a_non_string_text_in_parquet_is_rejected(self, target, tmp_path, text):
        file = tmp_path / f"{type(text).__name__}.parquet"
        pd.DataFrame({"post_id": ["a"], "text": [text]}).to_parquet(file)
        with pytest.raises(OperatorError, match="Row 1: text must be a string"):
            input_at(QUIET, target, str(file))

    def test_a_decimal_in_parquet_is_read_as_a_number(self, target, tmp_path):
        file = tmp_path / "decimal.parquet"
        pd.DataFrame({"post_id": ["a"], "text": ["t"], "sentiment": [Decimal("0.5")]}).to_parquet(
            file
        )
        assert self.lines(input_at(QUIET, target, str(file)))[0]["sentiment"] == 0.5

    @pytest.mark.parametrize(
        "created_at",
        [pa.array([2**62], pa.timestamp("us")), pa.array([2**30], pa.int32()).view(pa.date32())],
    )
    def test_a_date_out_of_range_is_dropped_and_the_post_kept(self, target, tmp_path, created_at):
        file = tmp_path / "dates.parquet"
        pq.write_table(pa.table({"text": ["t"], "created_at": created_at}), file)
        assert self.lines(input_at(QUIET, target, str(file))) == [{"post_id": "1", "text": "t"}]

    @pytest.mark.parametrize("damaged", [slice(100, 300), slice(-60, -20)])
    def test_a_damaged_parquet_file_is_rejected_by_name(self, target, tmp_path, table, damaged):
        file = tmp_path / "damaged.parquet"
        table.to_parquet(file)
        content = bytearray(file.read_bytes())
        content[damaged] = b"\xff" * len(content[damaged])
        file.write_bytes(content)
        with pytest.raises(OperatorError, match=r"damaged\.parquet is not a Parquet file, or"):
            input_at(QUIET, target, str(file))

    def test_files_are_copied_from_other_buckets_but_not_from_the_stack(self, target):
        s3 = boto3.client("s3")
        s3.put_object(Bucket="elsewhere", Key="a/b/far.jsonl", Body=LINES[0])
        assert input_at(QUIET, target, "s3://elsewhere/a/b/far.jsonl").key == "scoring/far.jsonl"
        s3.put_object(Bucket="training", Key="scoring/deep/near.jsonl", Body=LINES[0])
        s3.put_object(Bucket="training", Key="scoring/packed.jsonl", Body=gzip.compress(LINES[0]))
        packed = input_at(QUIET, target, "s3://training/scoring/packed.jsonl")
        assert packed.key == "scoring/packed.jsonl.jsonl"
        assert (
            input_at(QUIET, target, "s3://training/scoring/deep/near.jsonl").key
            == "scoring/deep/near.jsonl"
        )

    def test_special_characters_in_a_file_name_are_escaped_in_its_key(self, target, tmp_path):
        file = tmp_path / "été #1 & 2.jsonl"
        file.write_bytes(LINES[0])
        assert input_at(QUIET, target, str(file)).key == "scoring/!C3!A9t!C3!A9 !231 !26 2.jsonl"

    def test_an_unchanged_file_is_reused_but_a_changed_one_is_rejected(self, target, tmp_path):
        file = tmp_path / "again.jsonl"
        file.write_bytes(LINES[0])
        assert input_at(QUIET, target, str(file)) == input_at(QUIET, target, str(file))
        file.write_bytes(LINES[1])
        with pytest.raises(OperatorError, match="exists already with other content"):
            input_at(QUIET, target, str(file))

    @pytest.mark.parametrize(
        ("name", "content", "error"),
        [
            ("missing.jsonl", None, "There is no file"),
            ("posts.txt", b"x", "lacks the column text"),
            ("empty.jsonl", b"", "holds no post"),
            ("empty.csv", b"post_id,text\n", "holds no post"),
            ("other.csv", b"a,b\n1,2\n", "lacks the column text; its first row must name"),
            ("damaged.parquet", b"PAR1", "is not a Parquet file, or is damaged"),
        ],
    )
    def test_an_unusable_file_is_rejected_with_the_reason(
        self, target, tmp_path, name, content, error
    ):
        file = tmp_path / name
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(OperatorError, match=error):
            input_at(QUIET, target, str(file))

    def test_a_folder_is_rejected(self, target, tmp_path):
        (tmp_path / "posts.jsonl").mkdir()
        with pytest.raises(OperatorError, match="is a folder; give a file of posts"):
            input_at(QUIET, target, str(tmp_path / "posts.jsonl"))

    def test_parquet_without_a_text_column_is_rejected(self, target, tmp_path):
        file = tmp_path / "columns.parquet"
        pd.DataFrame({"post_id": ["a"], "body": ["t"]}).to_parquet(file)
        with pytest.raises(OperatorError, match="lacks the column text; text is perhaps 'body'"):
            input_at(QUIET, target, str(file))

    @pytest.mark.parametrize(
        ("address", "error"),
        [
            ("s3://training/scoring/none.jsonl", "There is no object"),
            ("s3://elsewhere/none.csv", "There is no object"),
            ("s3://elsewhere", "must have the form"),
        ],
    )
    def test_an_invalid_s3_address_is_rejected(self, target, address, error):
        with pytest.raises(OperatorError, match=error):
            input_at(QUIET, target, address)
