"""The training container's contract, exercised through its entry point."""

import io
import json
import math
import os
import random
import subprocess
import sys
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import REFERENCE_COLUMNS
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.storage.training_sets import TrainingSet
from stresswatch.storage.training_sources import SOURCES_FILE, Counts, Sources
from stresswatch.versions.model_version import VERSION_FILES, Manifest, sha256
from tests.conftest import PROJECT, make_posts
from training_jobs.stress_model.dataset import read_dataset
from training_jobs.stress_model.evaluation import CURVES
from training_jobs.stress_model.train import main

CASES = PROJECT.parent / "shared" / "cases"


@pytest.fixture
def container(tmp_path):
    (tmp_path / "input/data/train").mkdir(parents=True)
    (tmp_path / "input/config").mkdir()
    return tmp_path


def put_posts(container, content: bytes, name="posts.jsonl"):
    (container / "input/data/train" / name).write_bytes(content)


def put_parameters(container, **parameters):
    (container / "input/config/hyperparameters.json").write_text(json.dumps(parameters))


def run(container):
    return main(["train", "--prefix", str(container)])


def lines(posts):
    return TrainingSet(base=posts, fresh=[], invalid=0).to_bytes()


def files_of(container):
    return {path.name: path.read_bytes() for path in (container / "model").iterdir()}


def test_a_run_writes_every_file_of_a_version_and_vouches_for_each(container, labelled_posts):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, k="3", version="v1", parent="v0", dataset_sha256="d", seed="5")
    assert run(container) == 0
    files = files_of(container)
    assert set(files) == set(VERSION_FILES)
    manifest = Manifest.from_bytes(files["manifest.json"])
    assert manifest.files == {
        name: sha256(files[name]) for name in VERSION_FILES if name != "manifest.json"
    }
    assert (manifest.version, manifest.parent, manifest.dataset_sha256) == ("v1", "v0", "d")
    assert len(manifest.selected_features) == 3
    assert manifest.hyperparameters["seed"] == 5
    assert manifest.parity <= 1e-9
    assert manifest.metrics["overall"]["f1"] > 0.8
    assert set(manifest.metrics["slices"]) == {"anxiety", "ptsd"}
    low, high = manifest.metrics["overall"]["intervals"]["f1"]
    assert low < manifest.metrics["overall"]["f1"] < high
    assert not (container / "output/failure").exists()


def test_the_record_of_a_set_s_sources_is_not_read_as_a_post(tmp_path, labelled_posts):
    (tmp_path / "posts.jsonl").write_bytes(lines(labelled_posts))
    (tmp_path / SOURCES_FILE).write_bytes(Sources(Counts(), 0, {}, 0).to_bytes())
    read = read_dataset(tmp_path)
    assert (len(read.train) + len(read.evaluation), read.invalid) == (len(labelled_posts), 0)


def test_the_reference_holds_numbers_and_nothing_that_names_posts(container, labelled_posts):
    put_posts(container, lines(labelled_posts))
    run(container)
    reference = pd.read_parquet(io.BytesIO(files_of(container)["reference.parquet"]))
    evaluation = split(labelled_posts).evaluation
    assert len(reference) == len(evaluation)
    assert tuple(reference.columns) == REFERENCE_COLUMNS
    assert all(dtype.kind == "f" for dtype in reference.dtypes)


def test_the_artefact_serves_what_the_reference_says(container, labelled_posts):
    put_posts(container, lines(labelled_posts))
    run(container)
    files = files_of(container)
    reference = pd.read_parquet(io.BytesIO(files["reference.parquet"]))
    artefact = Artefact.from_bytes(files["model.npz"])
    scores = [
        artefact.score([labelled.post.text], np.array([labelled.post.numbers])).probability[0]
        for labelled in split(labelled_posts).evaluation
    ]
    assert sorted(scores) == sorted(reference["probability"])


def test_the_same_posts_parameters_and_seed_give_the_same_artefact(container, labelled_posts):
    """In other processes, with other hashes of strings, and from files in another order."""
    in_order = lines(labelled_posts).splitlines(keepends=True)
    put_posts(container, b"".join(in_order))
    train_in_a_process(container, hash_seed="1")
    first = files_of(container)["model.npz"]

    shuffled = random.Random(2).sample(in_order, len(in_order))
    put_posts(container, b"".join(shuffled[:100]))
    put_posts(container, b"".join(shuffled[100:]), "more.jsonl")
    train_in_a_process(container, hash_seed="2")
    assert files_of(container)["model.npz"] == first


def train_in_a_process(container, hash_seed):
    subprocess.run(
        [sys.executable, "-m", "training_jobs.stress_model.train", "--prefix", str(container)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        cwd=PROJECT,
        check=True,
    )


def test_other_posts_give_another_artefact(container, labelled_posts):
    put_posts(container, lines(labelled_posts))
    run(container)
    first = files_of(container)["model.npz"]
    put_posts(container, lines(labelled_posts[:300]))
    run(container)
    assert files_of(container)["model.npz"] != first


def test_invalid_lines_are_left_out_and_counted(container, labelled_posts):
    put_posts(container, lines(labelled_posts) + b"{\nnull\n")
    assert run(container) == 0
    assert Manifest.from_bytes(files_of(container)["manifest.json"]).posts["invalid"] == 2


def test_the_manifest_counts_posts_labelled_since_the_base_data(container, labelled_posts):
    dated = [replace(post, labelled_at="2026-11-23T00:00:00Z") for post in labelled_posts[:30]]
    put_posts(container, lines(dated + labelled_posts[30:]))
    assert run(container) == 0
    made_of = Manifest.from_bytes(files_of(container)["manifest.json"]).posts
    assert made_of["fresh"] == 30
    assert made_of["train"] + made_of["evaluation"] == len(labelled_posts)


def record(post_id, label, **fields):
    numbers = dict.fromkeys(NUMERIC_FEATURES, 1.0)
    return {"post_id": post_id, "text": "some words", "label": label} | numbers | fields


def jsonl(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def without(name):
    return jsonl(
        {key: value for key, value in record(str(n), n % 2).items() if key != name}
        for n in range(50)
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The data set is empty"),
        (b"\n \n", "The data set is empty"),
        (b"{\nnull\n", "holds no valid row"),
        (jsonl(record(str(n), 1) for n in range(50)), "has one class"),
        (jsonl([record("8", 1), record("1", 0), record("2", 1)]), "too few posts"),
        (without("label"), "holds no valid row: 50 of 50 lines were rejected, most for label"),
        (without("text"), "holds no valid row: 50 of 50 lines were rejected, most for text"),
        (
            jsonl(record(str(n), n % 2, confidence=0) for n in range(50)),
            "No label of the training split weighs anything: each of its ",
        ),
    ],
)
def test_an_unusable_data_set_fails_with_one_sentence_and_no_model(container, content, sentence):
    put_posts(container, content)
    assert run(container) == 1
    failure = (container / "output/failure").read_text()
    assert sentence in failure
    assert failure.endswith(".")
    assert "\n" not in failure
    assert not (container / "model").exists()


def with_numbers(posts, number_of):
    """Return each post the numbers that `number_of` makes of its place and those it has."""
    return [
        replace(labelled, post=labelled.post._replace(numbers=number_of(place, labelled.post)))
        for place, labelled in enumerate(posts)
    ]


NO_NUMBERS = (math.nan,) * len(NUMERIC_FEATURES)
HELD_OUT = {one.post.post_id for one in split(make_posts(400)).evaluation}
"""Of the posts of `labelled_posts`."""
SCARCE = {
    "none at all": (lambda place, post: NO_NUMBERS, NUMERIC_FEATURES),
    "some features only": (
        lambda place, post: (*post.numbers[:2], *NO_NUMBERS[2:]),
        NUMERIC_FEATURES[2:],
    ),
    "one value of a feature": (lambda place, post: (*post.numbers[:4], 3.0), NUMERIC_FEATURES[4:]),
    "the training split only": (
        lambda place, post: NO_NUMBERS if post.post_id in HELD_OUT else post.numbers,
        (),
    ),
    "the evaluation split only": (
        lambda place, post: post.numbers if post.post_id in HELD_OUT else NO_NUMBERS,
        NUMERIC_FEATURES,
    ),
    "ten posts of each feature": (
        lambda place, post: post.numbers if place < 10 else NO_NUMBERS,
        (),
    ),
}


@pytest.mark.parametrize("name", SCARCE)
def test_a_model_is_trained_without_numbers_that_posts_lack(container, labelled_posts, name):
    number_of, absent = SCARCE[name]
    put_posts(container, lines(with_numbers(labelled_posts, number_of)))
    assert run(container) == 0
    files = files_of(container)
    manifest = Manifest.from_bytes(files["manifest.json"])
    artefact = Artefact.from_bytes(files["model.npz"])
    weighs_nothing = {
        feature
        for feature, weight in zip(NUMERIC_FEATURES, artefact.number_weight, strict=True)
        if weight == 0
    }
    assert manifest.absent_features == absent
    assert set(absent) == weighs_nothing
    assert not {*absent} & {*manifest.selected_features}
    assert manifest.parity <= 1e-9
    assert manifest.metrics["overall"]["f1"] > 0.7
    card = files["model_card.md"].decode()
    assert ("had no values, or the same" in card) is bool(absent)
    assert ("| Numbers used | none |" in card) is (absent == NUMERIC_FEATURES)


def test_numbers_do_not_matter_to_a_model_of_text_alone(container, labelled_posts):
    put_posts(container, lines(with_numbers(labelled_posts, SCARCE["none at all"][0])))
    run(container)
    artefact = Artefact.from_bytes(files_of(container)["model.npz"])
    numbers = np.array([NO_NUMBERS, (1e308,) * 5, (-3.0,) * 5])
    scores = artefact.score(["I cannot sleep"] * 3, numbers)
    assert len(set(scores.probability)) == 1


@pytest.mark.skipif(not CASES.exists(), reason="the problem files are not at hand")
def test_text_only_posts_of_an_export_are_learned_from(container):
    put_posts(container, (CASES / "reddit_labelled.jsonl").read_bytes())
    assert run(container) == 0
    manifest = Manifest.from_bytes(files_of(container)["manifest.json"])
    assert manifest.posts["train"] + manifest.posts["evaluation"] == 300
    assert manifest.selected_features == ()


def test_a_label_of_confidence_0_weighs_nothing_in_training(container, labelled_posts, caplog):
    """Not by its words, its numbers or its label: as if the post were not there."""
    put_posts(container, lines(labelled_posts))
    run(container)
    before = files_of(container)["model.npz"]
    odd = [
        replace(
            labelled,
            post=labelled.post._replace(
                post_id=f"odd-{place}", text="zyzzyva " * 9, numbers=(1e9,) * 5
            ),
            label=1 - labelled.label,
            confidence=0.0,
        )
        for place, labelled in enumerate(labelled_posts[:60])
    ]
    learned = split(odd).train
    with caplog.at_level("INFO"):
        put_posts(container, lines(labelled_posts + odd))
        run(container)
    files = files_of(container)
    posts = Manifest.from_bytes(files["manifest.json"]).posts
    assert files["model.npz"] == before
    assert posts["unweighted"] == len(learned)
    assert f"{len(learned)} left out with confidence 0" in caplog.text
    assert f"label has confidence 0 | {len(learned)} |" in files["model_card.md"].decode()


def test_a_label_of_confidence_0_counts_in_evaluation(container, labelled_posts):
    sides = split(labelled_posts)
    unsure = sides.train + [replace(one, confidence=0.0) for one in sides.evaluation]
    put_posts(container, lines(unsure))
    assert run(container) == 0
    manifest = Manifest.from_bytes(files_of(container)["manifest.json"])
    assert manifest.posts["evaluation"] == manifest.metrics["overall"]["posts"] > 50
    assert manifest.posts["unweighted"] == 0


def test_posts_that_share_no_word_fail_with_one_sentence(container, labelled_posts):
    put_posts(
        container,
        lines(
            [
                replace(labelled, post=labelled.post._replace(text=f"w{place}"))
                for place, labelled in enumerate(labelled_posts)
            ]
        ),
    )
    assert run(container) == 1
    failure = (container / "output/failure").read_text()
    assert "no word stands in 2 of the" in failure


def test_a_channel_without_files_is_an_empty_data_set(container):
    assert run(container) == 1
    assert "empty" in (container / "output/failure").read_text()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"k": "0"}, "k must be between 1 and 5"),
        ({"k": "many"}, "k must be a number"),
        ({"depth": "3"}, "unknown hyperparameter 'depth'"),
        ({"inverse_regularisation": "nan"}, "inverse_regularisation must be positive"),
    ],
)
def test_a_wrong_hyperparameter_fails_with_one_sentence(
    container, labelled_posts, parameters, sentence
):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, **parameters)
    assert run(container) == 1
    assert sentence in (container / "output/failure").read_text()


def test_an_unforeseen_error_names_its_type_alone(container, labelled_posts, monkeypatch, capsys):
    def explode(*arguments):
        raise RuntimeError(labelled_posts[0].post.text)

    monkeypatch.setattr("training_jobs.stress_model.train.fit_pipeline", explode)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 1
    assert "RuntimeError" in (container / "output/failure").read_text()
    output = capsys.readouterr()
    assert labelled_posts[0].post.text not in output.out + output.err


def tracked_runs(address):
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("stress-model")
    return client, client.search_runs([experiment.experiment_id])


@pytest.fixture
def address(tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return address


def test_a_run_is_tracked_with_all_that_it_measured_and_made(container, labelled_posts, address):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, version="v1", dataset_sha256="d" * 64, seed="5")
    assert run(container) == 0
    client, (record,) = tracked_runs(address)
    assert (record.info.run_name, record.info.status) == ("v1", "FINISHED")
    assert record.data.params["seed"] == "5"
    assert record.data.tags["dataset_sha256"] == "d" * 64
    overall = Manifest.from_bytes(files_of(container)["manifest.json"]).metrics["overall"]
    assert record.data.metrics["f1"] == overall["f1"]
    assert record.data.metrics["interval/f1_low"] == overall["intervals"]["f1"][0]
    assert "slice/ptsd/brier" in record.data.metrics
    files = {
        file.path
        for folder in ("curves", "version")
        for file in client.list_artifacts(record.info.run_id, folder)
    }
    assert files == {f"curves/{name}" for name in CURVES} | {
        f"version/{name}" for name in VERSION_FILES if name != "reference.parquet"
    }


def test_a_run_that_fails_is_tracked_as_failed_with_no_word_of_a_post(
    container, labelled_posts, address, monkeypatch
):
    def explode(*arguments):
        raise RuntimeError(labelled_posts[0].post.text)

    monkeypatch.setattr("training_jobs.stress_model.train.fit_pipeline", explode)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 1
    _, (record,) = tracked_runs(address)
    assert record.info.status == "FAILED"
    assert labelled_posts[0].post.text not in str(record)


def test_a_model_is_made_though_it_cannot_be_tracked(
    container, labelled_posts, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "no-such-scheme://address")
    put_posts(container, lines(labelled_posts))
    assert run(container) == 0
    assert set(files_of(container)) == set(VERSION_FILES)
    assert "MLflow did not take the run" in caplog.text


def test_without_an_address_the_log_says_that_nothing_is_tracked(
    container, labelled_posts, monkeypatch, caplog
):
    caplog.set_level("INFO")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 0
    assert "not tracked: MLFLOW_TRACKING_URI is not set" in caplog.messages
