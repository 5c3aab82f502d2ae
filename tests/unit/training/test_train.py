"""The training container's contract, exercised through its entry point."""

import io
import os
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd

from stresswatch.contracts.predictions import REFERENCE_COLUMNS
from stresswatch.evaluation.splits import split
from stresswatch.model.artefact import Artefact
from stresswatch.storage.training_sources import SOURCES_FILE, Counts, Sources
from stresswatch.versions.model_version import VERSION_FILES, Manifest, sha256
from tests.conftest import PROJECT
from tests.unit.training.container import files_of, lines, put_parameters, put_posts, run
from training_jobs.model.dataset import read_dataset


def test_a_run_writes_all_version_files_with_their_digests(container, labelled_posts):
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


def test_the_sources_file_is_not_read_as_a_post(tmp_path, labelled_posts):
    (tmp_path / "posts.jsonl").write_bytes(lines(labelled_posts))
    (tmp_path / SOURCES_FILE).write_bytes(Sources(Counts(), 0, {}, 0).to_bytes())
    read = read_dataset(tmp_path)
    assert (len(read.train) + len(read.evaluation), read.invalid) == (len(labelled_posts), 0)


def test_the_reference_file_has_only_numeric_values(trained_files, labelled_posts):
    reference = pd.read_parquet(io.BytesIO(trained_files["reference.parquet"]))
    evaluation = split(labelled_posts).evaluation
    assert len(reference) == len(evaluation)
    assert tuple(reference.columns) == REFERENCE_COLUMNS
    assert all(dtype.kind == "f" for dtype in reference.dtypes)


def test_the_artefact_reproduces_the_reference_probabilities(trained_files, labelled_posts):
    reference = pd.read_parquet(io.BytesIO(trained_files["reference.parquet"]))
    artefact = Artefact.from_bytes(trained_files["model.npz"])
    scores = [
        artefact.score([labelled.post.text], np.array([labelled.post.numbers])).probability[0]
        for labelled in split(labelled_posts).evaluation
    ]
    assert sorted(scores) == sorted(reference["probability"])


def test_the_same_posts_parameters_and_seed_give_the_same_artefact(container, labelled_posts):
    """In other processes, with other string hashes, and from files in another order."""
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
        [sys.executable, "-m", "training_jobs.model.train", "--prefix", str(container)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        cwd=PROJECT,
        check=True,
    )


def test_other_posts_give_another_artefact(container, trained_files, labelled_posts):
    put_posts(container, lines(labelled_posts[:300]))
    assert run(container) == 0
    assert files_of(container)["model.npz"] != trained_files["model.npz"]


def test_invalid_lines_are_left_out_and_counted(container, labelled_posts):
    put_posts(container, lines(labelled_posts) + b"{\nnull\n")
    assert run(container) == 0
    assert Manifest.from_bytes(files_of(container)["manifest.json"]).posts["invalid"] == 2


def test_the_manifest_counts_posts_labelled_since_the_base_data(container, labelled_posts):
    dated = [replace(post, labelled_at="2026-11-23T00:00:00Z") for post in labelled_posts[:30]]
    put_posts(container, lines(dated + labelled_posts[30:]))
    assert run(container) == 0
    made_of = Manifest.from_bytes(files_of(container)["manifest.json"]).posts
    assert made_of["new"] == 30
    assert made_of["train"] + made_of["evaluation"] == len(labelled_posts)


def test_a_label_of_confidence_0_weighs_nothing_in_training(
    container, trained_files, labelled_posts, caplog
):
    """Its words, numbers and label have no effect, as if the post were absent."""
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
    assert files["model.npz"] == trained_files["model.npz"]
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
