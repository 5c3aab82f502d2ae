"""A fitted pipeline's form in a model version: exported arrays if possible, else the pipeline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from stresswatch.model.scorer import MAXIMUM_PIPELINE_BYTES, Scorer
from stresswatch.model.sklearn_export import (
    NotExportable,
    describe_texts,
    export_pipeline,
    largest_difference,
    prove_parity,
)
from stresswatch.versions.model_version import MODEL_FILE, PIPELINE_FILE, sha256
from training_jobs.model.dataset import DataSet, frame
from training_jobs.model.features import LexiconShares
from training_jobs.model.fitting import Hyperparameters, UnusablePipeline
from training_jobs.model.lexicons import read_lexicons
from training_jobs.model.pipelines.linear import terms_of

log = logging.getLogger("training")


@dataclass(frozen=True)
class Delivery:
    """The model as it will serve.

    Attributes
    ----------
    files : mapping of str to bytes
        Files needed for scoring, by name.
    parity : float
        Largest difference from the pipeline's probabilities on the evaluation split.
    not_exportable, trusted_types
        As in the manifest.
    """

    scorer: Scorer
    files: Mapping[str, bytes]
    parity: float
    not_exportable: str = ""
    trusted_types: tuple[str, ...] = ()


def deliver(pipeline: Pipeline, dataset: DataSet, hyperparameters: Hyperparameters) -> Delivery:
    """Export a pipeline, or store it together with an artefact that describes texts.

    Raises
    ------
    NotExportable
        When the arrays score differently from the pipeline.
    UnusablePipeline
        When its file is too large, or contains a type that functions do not trust.
    """
    try:
        artefact = export_pipeline(pipeline)
    except NotExportable as error:
        log.info("stored with skops: %s", error)
        return _store(pipeline, dataset, hyperparameters, str(error))
    parity = prove_parity(artefact, pipeline, frame(dataset.evaluation))
    return Delivery(artefact, {MODEL_FILE: artefact.to_bytes()}, parity)


def _store(
    pipeline: Pipeline, dataset: DataSet, hyperparameters: Hyperparameters, not_exportable: str
) -> Delivery:
    # Imported here, because skops loads slowly and arrays do not need it.
    from stresswatch.model import pipeline_file
    from stresswatch.model.sklearn_scorer import SklearnScorer

    try:
        data = pipeline_file.write(pipeline)
    except pipeline_file.UntrustedType as error:
        raise UnusablePipeline(str(error)) from error
    if len(data) > MAXIMUM_PIPELINE_BYTES:
        raise UnusablePipeline(
            f"the pipeline's file has {len(data):,} bytes; the maximum is "
            f"{MAXIMUM_PIPELINE_BYTES:,}: fit fewer trees, components or terms"
        )
    terms = terms_of(hyperparameters).fit(frame(dataset.train)["text"])
    shares = LexiconShares(read_lexicons()).fit(())
    descriptors = describe_texts(terms, shares, sha256(data))
    # Read back, so that the parity check measures the served model.
    scorer = SklearnScorer.read(data, descriptors)
    return Delivery(
        scorer,
        {MODEL_FILE: descriptors.to_bytes(), PIPELINE_FILE: data},
        largest_difference(scorer, pipeline, frame(dataset.evaluation)),
        not_exportable,
        pipeline_file.requested_types(data),
    )
