"""Export a fitted scikit-learn pipeline to an `Artefact`, and verify that their scores agree.

This module does not import scikit-learn: it reads the pipeline's public attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.errors import InvalidInput
from stresswatch.model.arithmetic import FloatArray
from stresswatch.model.artefact import Artefact
from stresswatch.model.scorer import Scorer
from stresswatch.task.definition import TASK
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

PARITY = 1e-9
"""Largest difference in probability allowed between an artefact and its pipeline."""


class NotExportable(InvalidInput):
    """The pipeline has an unsupported step or setting, or scores differ.

    The message names the step. Either use the supported settings in the message, or set the stage's
    ``serving.scorer`` to ``scikit-learn``.
    """


def export_pipeline(pipeline: Any) -> Artefact:
    """Export the pipeline of ``training_jobs/model/fitting.py``.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted; steps ``features`` (a ``ColumnTransformer`` of ``terms``, ``lexicons`` and, if
        the posts had numeric features, ``numbers``) and ``classifier`` (a binary
        ``LogisticRegression``).

    Raises
    ------
    NotExportable
        When a setting differs from those in `Artefact.score`.
    """
    features, classifier = _steps(pipeline)
    vectorizer, lexicons = (features.named_transformers_[name] for name in ("terms", "lexicons"))
    _require_settings(
        vectorizer,
        analyzer="word",
        ngram_range=(1, 2),
        lowercase=True,
        token_pattern=TOKEN_PATTERN,
        strip_accents=None,
        stop_words=None,
        preprocessor=normalise,
        tokenizer=None,
        binary=False,
        sublinear_tf=True,
        use_idf=True,
        norm="l2",
    )
    n_terms, n_categories = len(vectorizer.idf_), len(lexicons.named_steps["shares"].lexicons)
    weights = features.transformer_weights
    term_weight, share_weight, selected_weight = np.split(
        classifier.coef_[0], [n_terms, n_terms + n_categories]
    )
    return Artefact(
        **_vocabulary(vectorizer, lexicons.named_steps["shares"]),
        weight=term_weight,
        share_mean=lexicons.named_steps["scale"].mean_,
        share_scale=lexicons.named_steps["scale"].scale_,
        share_weight=share_weight * weights["lexicons"],
        numeric_features=NUMERIC_FEATURES,
        **_numbers(features, selected_weight, n_categories),
        intercept=float(classifier.intercept_[0]),
        predicts=TASK.label.meaning,
    )


def describe_texts(vectorizer: Any, shares: Any, pipeline_sha256: str) -> Artefact:
    """Return an artefact that only describes texts, while a pipeline scores them.

    Parameters
    ----------
    vectorizer : TfidfVectorizer
        Fitted to the pipeline's training texts, with the settings of `export_pipeline`.
    shares : LexiconShares
        Fitted.
    pipeline_sha256 : str
        SHA-256 of the pipeline's file.
    """
    n_categories, n_features = len(shares.lexicons), len(NUMERIC_FEATURES)
    return Artefact(
        **_vocabulary(vectorizer, shares),
        weight=np.zeros(len(vectorizer.idf_)),
        share_mean=np.zeros(n_categories),
        share_scale=np.ones(n_categories),
        share_weight=np.zeros(n_categories),
        numeric_features=NUMERIC_FEATURES,
        **_no_numbers(n_features, n_categories),
        intercept=0.0,
        pipeline_sha256=pipeline_sha256,
        predicts=TASK.label.meaning,
    )


def _steps(pipeline: Any) -> tuple[Any, Any]:
    """Return the transformers of features and the classifier, if arrays can score them."""
    if (names := list(pipeline.named_steps)) != ["features", "classifier"]:
        raise NotExportable(f"the pipeline's steps are {names}, not 'features' and 'classifier'")
    features, classifier = pipeline.named_steps["features"], pipeline.named_steps["classifier"]
    if (kind := type(classifier).__name__) != "LogisticRegression":
        raise NotExportable(f"the step 'classifier' is {kind}, not LogisticRegression")
    fitted = getattr(features, "transformers_", ())
    found = {
        name: type(transformer).__name__
        for name, transformer, _ in fitted
        if not isinstance(transformer, str)  # columns that are dropped
    }
    expected = {"terms": "TfidfVectorizer", "lexicons": "Pipeline"}
    if found not in (expected, expected | {"numbers": "Pipeline"}):
        raise NotExportable(
            f"the step 'features' is made of {found}, not of {expected} and, where posts have "
            "any, numbers"
        )
    if list(classifier.classes_) != [0, 1]:
        raise NotExportable(f"the classes are {list(classifier.classes_)}, not 0 and 1")
    return features, classifier


def _vocabulary(vectorizer: Any, shares: Any) -> dict[str, Any]:
    """Return the artefact's arrays for terms and lexicons, without coefficients."""
    terms = [term.split(" ") for term in vectorizer.get_feature_names_out()]
    words = sorted({*chain.from_iterable(terms), *shares.words_})
    word_id = {word: index for index, word in enumerate(words)}
    entries = shares.weights_.tocoo()
    entry_word = np.array([word_id[shares.words_[row]] for row in entries.row], dtype=np.int64)
    order = np.argsort(entry_word, kind="stable")
    return {
        "words": tuple(words),
        "first": np.array([word_id[term[0]] for term in terms], dtype=np.int64),
        "second": np.array(
            [word_id[term[1]] if len(term) == 2 else -1 for term in terms], dtype=np.int64
        ),
        "idf": np.asarray(vectorizer.idf_, dtype=np.float64),
        "categories": tuple(shares.lexicons),
        "entry_word": entry_word[order],
        "entry_category": entries.col[order].astype(np.int64),
        "entry_value": entries.data[order],
    }


def _numbers(features: Any, coefficients: FloatArray, n_categories: int) -> dict[str, Any]:
    """Return the artefact's arrays for `NUMERIC_FEATURES`; missing ones have weight 0."""
    arrays = _no_numbers(len(NUMERIC_FEATURES), n_categories)
    for name, fitted, columns in features.transformers_:
        if name == "numbers":
            place = np.array([NUMERIC_FEATURES.index(column) for column in columns[1:]])
            base, slope = _expectation(fitted.named_steps["impute"].regressions_)
            arrays["expected_base"][place] = base
            arrays["expected_slope"][:, place] = slope
            arrays["mean"][place] = fitted.named_steps["scale"].mean_
            arrays["scale"][place] = fitted.named_steps["scale"].scale_
            kept = place[fitted.named_steps["select"].get_support()]
            arrays["number_weight"][kept] = coefficients * features.transformer_weights[name]
    return arrays


def _no_numbers(n_features: int, n_categories: int) -> dict[str, Any]:
    return {
        "expected_base": np.zeros(n_features),
        "expected_slope": np.zeros((n_categories, n_features)),
        "mean": np.zeros(n_features),
        "scale": np.ones(n_features),
        "number_weight": np.zeros(n_features),
    }


def _expectation(regressions: Sequence[Any]) -> tuple[FloatArray, FloatArray]:
    """Convert the regressions on standardised shares to regressions on the shares."""
    scalers = [regression[0] for regression in regressions]
    slope = np.column_stack(
        [one[1].coef_ / scaler.scale_ for one, scaler in zip(regressions, scalers, strict=True)]
    )
    centre = np.column_stack([scaler.mean_ for scaler in scalers])
    base = np.array([one[1].intercept_ for one in regressions]) - (centre * slope).sum(axis=0)
    return base, slope


def prove_parity(artefact: Artefact, pipeline: Any, frame: Any) -> float:
    """Return `largest_difference`, if it is small enough.

    Raises
    ------
    NotExportable
        When it exceeds `PARITY`.
    """
    largest = largest_difference(artefact, pipeline, frame)
    if not largest <= PARITY:
        raise NotExportable(
            f"the artefact differs from the pipeline by {largest:.2e} in probability; "
            f"at most {PARITY:.0e} is allowed"
        )
    return largest


def largest_difference(scorer: Scorer, pipeline: Any, frame: Any) -> float:
    """Return the largest difference between the scorer's and the pipeline's probabilities.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n_posts, 1 + n_numeric_features)
        Columns ``text`` and the scorer's numeric features.
    """
    numbers = frame[list(scorer.numeric_features)].to_numpy(dtype=np.float64)
    texts = [normalise(text) for text in frame["text"]]
    ours = scorer.score_normalised(texts, numbers).probability
    return float(np.abs(ours - pipeline.predict_proba(frame)[:, 1]).max())


def _require_settings(vectorizer: Any, **settings: Any) -> None:
    for name, value in settings.items():
        if getattr(vectorizer, name) != value:
            raise NotExportable(
                f"the step 'terms' has {name}={getattr(vectorizer, name)!r}; "
                f"only {value!r} can be exported"
            )
