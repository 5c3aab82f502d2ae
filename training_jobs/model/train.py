"""The training container's entry point, by SageMaker's contract.

Reads ``input/data/train/*.jsonl`` and ``input/config/hyperparameters.json`` under the prefix
``/opt/ml``, writes a model version's files to ``model/``, and exits with 0. After an error it
writes one sentence to ``output/failure`` and no model, and exits with 1.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import REFERENCE_COLUMNS, Prediction
from stresswatch.model.predict import predict
from stresswatch.retraining.tracking import EXPERIMENT, TRACKING_ADDRESS
from stresswatch.task.definition import TASK
from stresswatch.versions.model_version import (
    EVALUATION_FILE,
    MANIFEST_FILE,
    REFERENCE_FILE,
    SUSPICIOUS_LABELS_FILE,
    Manifest,
    sha256,
)
from training_jobs.model.card import model_card
from training_jobs.model.dataset import (
    UnusableDataSet,
    base_posts,
    present_features,
    read_dataset,
)
from training_jobs.model.delivery import deliver
from training_jobs.model.evaluation import draw_curves, evaluate
from training_jobs.model.fitting import (
    Hyperparameters,
    InvalidHyperparameters,
    UnusablePipeline,
    fit_pipeline,
    selected_features,
)
from training_jobs.model.search import search_number_weight
from training_jobs.model.sentence_embeddings import each_text_once
from training_jobs.model.suspicious_labels import suspicious_labels
from training_jobs.model.tracking import Run, Tracker, evaluation_metrics

log = logging.getLogger("training")


@dataclass(frozen=True)
class Provenance:
    """A training run's provenance, passed by the workflow together with the hyperparameters."""

    version: str
    dataset_sha256: str
    parent: str | None
    code_commit: str
    training_job: str

    @staticmethod
    def take(parameters: dict[str, str]) -> Provenance:
        """Take the provenance out of the parameters, and leave the hyperparameters."""
        return Provenance(
            version=parameters.pop("version", "unversioned"),
            dataset_sha256=parameters.pop("dataset_sha256", ""),
            parent=parameters.pop("parent", "") or None,
            code_commit=parameters.pop("code_commit", "unknown"),
            training_job=os.environ.get("TRAINING_JOB_NAME", "local"),
        )


def main(arguments: list[str] | None = None) -> int:
    """Train one model version; return the exit code."""
    parser = argparse.ArgumentParser(description=f"Train one version of the model: {TASK.title}.")
    parser.add_argument("command", nargs="?", default="train", choices=["train"])
    parser.add_argument("--prefix", type=Path, default=Path("/opt/ml"))
    prefix: Path = parser.parse_args(arguments).prefix
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        files = train(prefix / "input")
    except (UnusableDataSet, InvalidHyperparameters, UnusablePipeline) as error:
        return _fail(prefix, str(error))
    except Exception as error:
        # Without the message, because an unforeseen error could quote a post.
        places = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s%s", places, type(error).__name__)  # noqa: TRY400
        return _fail(prefix, f"Training failed with {type(error).__name__}; see the job's log.")
    model = prefix / "model"
    model.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (model / name).write_bytes(content)
    return 0


def train(inputs: Path) -> dict[str, bytes]:
    """Train, evaluate and export; return the files of the model version by name.

    The run is tracked at the environment's address, if set.

    Raises
    ------
    UnusableDataSet, InvalidHyperparameters, UnusablePipeline
        With a one-sentence reason.
    """
    parameters = _parameters(inputs / "config" / "hyperparameters.json")
    provenance = Provenance.take(parameters)
    experiment = parameters.pop("experiment", EXPERIMENT)
    hyperparameters = Hyperparameters.from_strings(parameters)
    tracker = Tracker(os.environ.get(TRACKING_ADDRESS), experiment)
    with tracker.run(provenance.version) as run, each_text_once():
        run.log(
            # MLflow parameters are immutable: the number weight follows once it is chosen.
            parameters={
                name: value
                for name, value in hyperparameters.as_dict().items()
                if name != "number_weight"
            },
            tags={name: value or "none" for name, value in asdict(provenance).items()},
        )
        return _train(inputs / "data" / "train", hyperparameters, provenance, run)


def _train(
    channel: Path, hyperparameters: Hyperparameters, provenance: Provenance, run: Run
) -> dict[str, bytes]:
    dataset = read_dataset(channel)
    present = present_features(dataset.train)
    absent = tuple(name for name in NUMERIC_FEATURES if name not in present)
    log.info(
        "training on %d posts, %d invalid, %d left out with confidence 0; numeric features without "
        "values to learn from: %s",
        len(dataset.train),
        dataset.invalid,
        dataset.unweighted,
        ", ".join(absent) or "none",
    )

    if not TASK.text.lexicons:
        log.info(
            "the task has no lexicons: missing features are imputed close to their mean, "
            "and text_sentiment is always 0"
        )
    search = search_number_weight(dataset.train, hyperparameters)
    log.info("number weight %g: %s", search.number_weight, search.reason)
    hyperparameters = replace(hyperparameters, number_weight=search.number_weight)
    run.log(
        parameters={"number_weight": search.number_weight},
        metrics=search.metrics(),
        tags={"number_weight_reason": search.reason},
    )
    pipeline = fit_pipeline(dataset.train, hyperparameters)
    delivery = deliver(pipeline, dataset, hyperparameters)

    now = datetime.now(UTC).isoformat(timespec="seconds")
    predictions = predict(
        [
            (f"evaluation-{place}", labelled.post)
            for place, labelled in enumerate(dataset.evaluation)
        ],
        delivery.scorer,
        provenance.version,
        now,
    )
    probability = np.array([prediction.probability for prediction in predictions])
    metrics = evaluate(dataset.evaluation, probability)
    log.info("evaluation split: %s", json.dumps(metrics["overall"]))
    suspicious = suspicious_labels(dataset, pipeline, probability)
    files = {
        **delivery.files,
        REFERENCE_FILE: _parquet(predictions),
        EVALUATION_FILE: _json(metrics),
        SUSPICIOUS_LABELS_FILE: _json(suspicious),
    }
    manifest = Manifest(
        version=provenance.version,
        created_at=now,
        files=_digests(files),
        dataset_sha256=provenance.dataset_sha256,
        base=base_posts(channel),
        posts={
            "train": len(dataset.train),
            "evaluation": len(dataset.evaluation),
            "new": sum(post.labelled_at is not None for post in dataset.train + dataset.evaluation),
            "invalid": dataset.invalid,
            "unweighted": dataset.unweighted,
            "suspicious": suspicious["suspicious"],
        },
        hyperparameters=hyperparameters.as_dict(),
        selected_features=selected_features(pipeline, present),
        absent_features=absent,
        numeric_features=delivery.scorer.numeric_features,
        predicts=TASK.label.meaning,
        task=TASK.identity,
        parity=delivery.parity,
        metrics=metrics,
        parent=provenance.parent,
        training_job=provenance.training_job,
        code_commit=provenance.code_commit,
        scorer=delivery.scorer.kind,
        not_exportable=delivery.not_exportable,
        trusted_types=delivery.trusted_types,
        search=search.as_dict(),
    )
    curves = draw_curves(dataset.evaluation, probability)
    files |= model_card(manifest, curves)
    # In this order: the card is generated from the manifest, which then has the card's digest.
    files[MANIFEST_FILE] = replace(manifest, files=_digests(files)).to_bytes()
    run.log(
        metrics=evaluation_metrics(metrics)
        | {f"posts/{kind}": float(count) for kind, count in manifest.posts.items()},
        tags={
            "numeric_features": ", ".join(manifest.selected_features) or "none",
            "absent_features": ", ".join(absent) or "none",
            **{f"task_{name}": value for name, value in TASK.identity.items()},
        },
        # Without the reference, which has a row for each post.
        files={f"version/{name}": files[name] for name in files.keys() - {REFERENCE_FILE}}
        | {f"curves/{name}": picture for name, picture in curves.items()},
    )
    return files


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, sort_keys=True).encode() + b"\n"


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: sha256(content) for name, content in files.items()}


def _parameters(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    parameters = json.loads(path.read_bytes())
    if not isinstance(parameters, dict):
        raise InvalidHyperparameters("hyperparameters.json must hold one JSON object")
    return {name: str(value) for name, value in parameters.items()}


def _parquet(predictions: list[Prediction]) -> bytes:
    rows = pd.DataFrame([prediction.archive_row() for prediction in predictions])
    # Without ids: a version is immutable, and the id of a person who asks for deletion would stay.
    content = rows[list(REFERENCE_COLUMNS)].to_parquet(index=False)
    assert isinstance(content, bytes)  # noqa: S101 - without a path, pandas returns the bytes
    return content


def _fail(prefix: Path, sentence: str) -> int:
    log.error("%s", sentence)
    output = prefix / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text(sentence)
    return 1


if __name__ == "__main__":
    sys.exit(main())
