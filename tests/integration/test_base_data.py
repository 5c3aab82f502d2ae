"""Data sets on moto: `seed`, `data list`, and `data suspicious`."""

import json
from dataclasses import replace
from datetime import datetime

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import main
from cli.console import console
from cli.data import base_data
from cli.deployment import target as target_module
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from lambdas.dataset.handler import handler as dataset
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.storage.training_sets import POSTS_FILE, to_lines, valid_posts
from stresswatch.versions.champion import Pointer, write_pointer
from stresswatch.versions.model_version import sha256
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT
from tests.integration.retraining.workflow import FORCED
from tests.training_sets import assembled, content_of

OUTPUTS = {
    stack_outputs.TRAINING_BUCKET: "training",
    stack_outputs.MODEL_BUCKET: "models",
    stack_outputs.CHAMPION_PARAMETER: ENVIRONMENT["CHAMPION_PARAMETER"],
}
POINTER = Pointer("v1", "s3://models/models/v1/", "0" * 64)
DATED = "2026-11-23T00:00:00+00:00"


class Operator:
    """Types commands in a separate folder; `calls` are the requests that change S3, in order."""

    def __init__(self, folder):
        self._folder = folder
        self.calls = []
        self.target = Target("stresswatch-dev", OUTPUTS, self._client)

    def _client(self, service):
        client = boto3.client(service)
        client.meta.events.register("before-call.s3.PutObject", self._note)
        client.meta.events.register("before-call.s3.DeleteObjects", self._note)
        return client

    def _note(self, model, **_):
        self.calls.append(model.name)

    def file(self, name, posts):
        (self._folder / name).write_bytes(to_lines(posts))
        return str(self._folder / name)

    def seed(self, name, posts, *options):
        return self.run("seed", self.file(name, posts), *options)

    def run(self, *words, width=200):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(console, "_width", width)
            result = CliRunner().invoke(main.app, words)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def listed(self, *options):
        return json.loads(self.run("data", "list", "--json", *options).stdout)


@pytest.fixture
def operator(aws, monkeypatch, tmp_path):
    operator = Operator(tmp_path)
    monkeypatch.setattr(target_module, "aws_target", lambda _stage: operator.target)
    return operator


def base_keys(aws):
    return aws.keys("training", "datasets/base/")


def text_only(posts):
    nothing = (float("nan"),) * len(NUMERIC_FEATURES)
    return [replace(one, post=one.post._replace(numbers=nothing)) for one in posts]


class TestSeed:
    def test_the_first_set_is_reported_as_all_base_data(self, operator):
        said = operator.seed("posts.jsonl", make_posts(5)).stdout
        assert "5 labelled posts, " in said
        assert said.endswith("This set is all base data now.\n")

    def test_a_second_set_is_added_and_the_others_are_listed(self, aws, operator):
        operator.seed("earlier.jsonl", make_posts(5))
        said = operator.seed("posts.jsonl", make_posts(5, seed=2)).stdout
        assert "Base data has 2 sets, and models learn from all of them" in said
        assert "this one, earlier (2.0 KB)" in said
        assert said.endswith("To delete the others: seed --replace.\n")
        assert base_keys(aws) == ["datasets/base/earlier.jsonl", "datasets/base/posts.jsonl"]

    def test_replacing_a_set_of_the_same_name_is_reported(self, aws, operator):
        operator.seed("posts.jsonl", make_posts(5))
        said = operator.seed("posts.jsonl", make_posts(6)).stdout
        assert "The set with this name, uploaded 20" in said
        assert said.endswith("This set is all base data now.\n")
        assert len(aws.body("training", "datasets/base/posts.jsonl").splitlines()) == 6

    def test_replacing_deletes_all_other_sets_after_the_upload(self, aws, operator):
        for name in ("a", "b"):
            operator.seed(f"{name}.jsonl", make_posts(5))
        aws.put("training", "datasets/base/deep/export.csv", b"text,label\n")
        operator.calls.clear()
        said = operator.seed("posts.jsonl", make_posts(6), "--replace").stdout
        assert base_keys(aws) == ["datasets/base/posts.jsonl"]
        assert operator.calls == ["PutObject", "DeleteObjects"]
        assert "Deleted: a (2.0 KB), b (2.0 KB), " in said
        assert "deep/export.csv (0.0 KB). This set is all base data now." in said

    def test_replacing_changes_only_base_data(self, aws, operator):
        operator.seed("a.jsonl", make_posts(5))
        aws.put("training", "labels/a.jsonl", to_lines(make_posts(1)))
        aws.put("training", "datasets/v1/posts.jsonl", to_lines(make_posts(1)))
        said = operator.seed("posts.jsonl", make_posts(6), "--replace").stdout
        assert "Labels under labels/ stay, and models learn from them too." in said
        assert aws.keys("training") == [
            "datasets/base/posts.jsonl",
            "datasets/v1/posts.jsonl",
            "labels/a.jsonl",
        ]

    def test_more_sets_than_fit_in_one_request_are_all_deleted(self, aws, operator, monkeypatch):
        monkeypatch.setattr(base_data, "_AT_ONCE", 2)
        for name in "abcde":
            aws.put("training", f"datasets/base/{name}.jsonl", b"{}")
        operator.seed("posts.jsonl", make_posts(5), "--replace")
        assert base_keys(aws) == ["datasets/base/posts.jsonl"]

    def test_an_unreadable_file_replaces_nothing(self, aws, operator, tmp_path):
        operator.seed("a.jsonl", make_posts(5))
        (tmp_path / "broken.jsonl").write_text("{\n")
        result = operator.run("seed", str(tmp_path / "broken.jsonl"), "--replace")
        assert result.exit_code == 1
        assert base_keys(aws) == ["datasets/base/a.jsonl"]

    def test_a_failed_upload_deletes_nothing(self, aws, operator, monkeypatch):
        operator.seed("a.jsonl", make_posts(5))

        def fail(*_):
            raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")

        monkeypatch.setattr(DeploymentClient, "seed", fail)
        assert operator.seed("b.jsonl", make_posts(5), "--replace").exit_code == 1
        assert base_keys(aws) == ["datasets/base/a.jsonl"]

    def test_a_set_that_cannot_be_deleted_is_reported_with_advice(self, operator, monkeypatch):
        operator.seed("a.jsonl", make_posts(5))

        class Keeping:
            def __init__(self, s3):
                self._s3 = s3

            def delete_objects(self, **_):
                error = {"Key": "datasets/base/a.jsonl", "Message": "Access Denied", "Code": "x"}
                return {"Errors": [error]}

            def __getattr__(self, name):
                return getattr(self._s3, name)

        target = replace(operator.target, client=lambda service: Keeping(boto3.client(service)))
        monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)
        result = operator.seed("b.jsonl", make_posts(5), "--replace")
        assert result.exit_code == 1
        assert "datasets/base/a.jsonl cannot be deleted (Access Denied)" in result.stderr
        assert "run again" in result.stderr


class TestList:
    def test_each_base_data_set_is_listed_with_its_counts(self, aws, operator):
        posts = make_posts(10)
        unweighted = [replace(one, confidence=0.0) for one in posts[:2]]
        operator.seed("numbers.jsonl", [*posts[2:], *unweighted])
        operator.seed("reddit.jsonl", text_only(make_posts(4, seed=2)))
        aws.put("training", "datasets/base/broken.jsonl", b'{"post_id": "a"}\n{\n\n')
        found = {row.pop("name"): row for row in operator.listed()["base"]}
        sizes = {name: row.pop("size") for name, row in found.items()}
        uploaded = {name: row.pop("uploaded_at") for name, row in found.items()}
        assert found == {
            "broken": counts(0, invalid=2),
            "numbers": counts(10, sum(one.label for one in posts), unweighted=2),
            "reddit": counts(4, sum(one.label for one in make_posts(4, seed=2)), text_only=4),
        }
        assert all(size > 0 for size in sizes.values())
        assert all(datetime.fromisoformat(one).tzinfo for one in uploaded.values())

    def test_labels_are_counted_once_per_post(self, aws, operator):
        posts = [replace(one, labelled_at=DATED) for one in make_posts(6)]
        corrected = replace(posts[0], label=1 - posts[0].label)
        aws.put("training", "labels/a.jsonl", to_lines(posts) + b"{\n")
        aws.put("training", "labels/b.jsonl", to_lines([corrected]))
        labels = operator.listed()["labels"]
        stressed = corrected.label + sum(one.label for one in posts[1:])
        assert (labels["objects"], labels["posts"], labels["positive"]) == (2, 6, stressed)
        assert labels["invalid"] == 1

    def test_each_training_set_is_listed_with_its_base_data(self, aws, operator):
        operator.seed("earlier.jsonl", make_posts(300))
        operator.seed("posts.jsonl", make_posts(40, seed=2))
        labels = [replace(one, labelled_at=DATED) for one in make_posts(7, seed=3)]
        aws.put("training", "labels/a.jsonl", to_lines(labels))
        both = dataset(FORCED, CONTEXT)["version"]
        operator.seed("posts.jsonl", make_posts(300), "--replace")
        alone = dataset(FORCED, CONTEXT)["version"]
        found = {row["version"]: row for row in operator.listed()["training_sets"]}
        assert found[both]["base"] == {"earlier": 300, "posts": 40}
        assert found[alone]["base"] == {"posts": 300}
        assert (found[both]["posts"], found[both]["labels"]) == (347, 7)
        shown = operator.run("data", "list").stdout
        assert "earlier: 300" in shown
        assert "labels: 7" in shown

    def test_a_training_set_without_recorded_sources_is_marked(self, aws, operator):
        new = replace(make_posts(1, seed=2)[0], labelled_at=DATED)
        aws.put("training", "datasets/v1/posts.jsonl", to_lines([*make_posts(9), new]))
        (row,) = operator.listed()["training_sets"]
        assert (row["base"], row["posts"], row["labels"]) == (None, 10, 1)
        assert "base data: not recorded" in operator.run("data", "list").stdout

    def test_the_training_set_of_the_champion_is_marked(self, aws, operator, version_files):
        for version in ("v1", "v2"):
            aws.put("training", f"datasets/{version}/posts.jsonl", to_lines(make_posts(9)))
        aws.promote("v1", version_files)
        serves = {row["version"]: row["serves"] for row in operator.listed()["training_sets"]}
        assert serves == {"v1": True, "v2": False}

    def test_only_the_newest_training_sets_are_read(self, aws, operator):
        for version in ("v1", "v2", "v3"):
            aws.put("training", f"datasets/{version}/posts.jsonl", to_lines(make_posts(9)))
        assert len(operator.listed("--newest", "2")["training_sets"]) == 2

    def test_an_empty_list_says_what_to_do(self, operator):
        assert operator.listed() == {
            "base": [],
            "labels": counts(0) | {"objects": 0, "size": 0, "newest_at": None},
            "training_sets": [],
        }
        shown = operator.run("data", "list").stdout
        assert "`stresswatch seed FILE`" in shown
        assert "`stresswatch retrain`" in shown

    def test_an_80_column_terminal_shows_the_sources_on_one_line(self, aws, operator):
        operator.seed("train.jsonl", make_posts(300))
        dataset(FORCED, CONTEXT)
        shown = operator.run("data", "list", width=80).stdout
        assert "train: 300" in shown
        assert max(map(len, shown.splitlines())) <= 80

    def test_ids_and_texts_are_omitted(self, operator):
        posts = [
            replace(one, post=one.post._replace(post_id=f"the-id-{one.label}", text="the words"))
            for one in make_posts(3)
        ]
        operator.seed("posts.jsonl", posts)
        told = operator.run("data", "list").stdout + operator.run("data", "list", "--json").stdout
        assert "the-id" not in told
        assert "the words" not in told


class TestSuspicious:
    """Two labels in the training set of `v1`, the champion, look wrong."""

    @pytest.fixture
    def posts(self, aws):
        body = content_of(make_posts(20))
        aws.put("training", f"datasets/v1/{POSTS_FILE}", body)
        files = {
            "manifest.json": trained_on(body),
            "suspicious_labels.json": {
                "posts": 20,
                "suspicious": 2,
                "labels": [
                    {"place": 7, "label": 1, "probability": 0.02},
                    {"place": 3, "label": 0, "probability": 0.91},
                ],
            },
        }
        for name, content in files.items():
            aws.put("models", f"models/v1/{name}", json.dumps(content).encode())
        write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], POINTER, "first")
        return list(valid_posts(body.splitlines()))

    def test_suspicious_labels_are_listed_without_their_text(self, operator, posts):
        said = operator.run("data", "suspicious").stdout
        assert "2 labels of 20 (10.0%) look wrong" in said
        assert said.index(posts[7].post.post_id) < said.index(posts[3].post.post_id)
        assert posts[7].post.text[:20] not in said
        found = json.loads(operator.run("data", "suspicious", "v1", "--json").stdout)
        assert [one["probability"] for one in found["labels"]] == [0.02, 0.91]
        assert "text" not in found["labels"][0]

    def test_suspicious_labels_can_be_exported_and_corrected(self, aws, operator, posts, tmp_path):
        file = tmp_path / "wrong.jsonl"
        operator.run("data", "suspicious", "--output", str(file))
        written = list(valid_posts(file.read_bytes().splitlines()))
        assert [one.post.post_id for one in written] == [
            posts[7].post.post_id,
            posts[3].post.post_id,
        ]
        corrected = [replace(one, label=1 - one.label) for one in written]
        file.write_bytes(to_lines(corrected))
        assert operator.run("label", str(file)).exit_code == 0
        (key,) = aws.keys("training", "labels/")
        sent = aws.body("training", key).splitlines()
        again = assembled(to_lines(posts).splitlines(), sent)
        assert {one.post.post_id: one.label for one in again.new} == {
            one.post.post_id: one.label for one in corrected
        }

    def test_an_existing_file_is_not_overwritten(self, operator, posts, tmp_path):
        file = tmp_path / "mine.jsonl"
        file.write_text("mine")
        assert operator.run("data", "suspicious", "--output", str(file)).exit_code == 1
        assert file.read_text() == "mine"

    def test_a_changed_training_set_is_rejected(self, aws, operator, posts):
        """Its positions have changed: `stresswatch forget` removed a person's posts."""
        aws.put("training", f"datasets/v1/{POSTS_FILE}", to_lines(posts[1:]))
        result = operator.run("data", "suspicious")
        assert result.exit_code == 1
        assert "retrain" in result.stderr

    @pytest.mark.parametrize(
        ("words", "says"),
        [((), "no champion yet"), (("v2",), "no model version v2")],
    )
    def test_a_missing_version_is_reported(self, aws, operator, words, says):
        result = operator.run("data", "suspicious", *words)
        assert result.exit_code == 1
        assert says in result.stderr


def trained_on(body):
    """Return a manifest's fields for a training set."""
    names = (
        "version", "created_at", "training_job", "code_commit", "parent"
    )  # fmt: skip
    return {
        **dict.fromkeys(names, "v1"),
        "files": {},
        "posts": {},
        "hyperparameters": {},
        "metrics": {},
        "parity": 0.0,
        "selected_features": [],
        "absent_features": [],
        "dataset_sha256": sha256(body),
    }


def counts(posts, positive=0, text_only=0, unweighted=0, invalid=0):
    return {
        "posts": posts,
        "positive": positive,
        "text_only": text_only,
        "unweighted": unweighted,
        "invalid": invalid,
    }
