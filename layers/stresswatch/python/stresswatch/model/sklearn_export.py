"""Export a fitted scikit-learn pipeline to an `Artefact`, and prove that both say the same.

Nothing here imports scikit-learn: the fitted pipeline is read through its public attributes.
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
from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

PARITY = 1e-9
"""Largest difference in probability allowed between an artefact and its pipeline."""


class NotExportable(InvalidInput):
    """The pipeline has a setting that the artefact's formula does not cover, or scores apart."""


def export_pipeline(pipeline: Any) -> Artefact:
    """Export the pipeline of ``training_jobs/stress_model/recipe.py``.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted; steps ``features`` (a ``ColumnTransformer`` of ``terms``, ``lexicons`` and, where
        the posts had any, ``numbers``) and ``classifier`` (a binary ``LogisticRegression``).

    Raises
    ------
    NotExportable
        When a setting differs from those that `Artefact.score` computes.
    """
    features = pipeline.named_steps["features"]
    vectorizer, lexicons = (features.named_transformers_[name] for name in ("terms", "lexicons"))
    classifier = pipeline.named_steps["classifier"]
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
    if list(classifier.classes_) != [0, 1]:
        raise NotExportable(f"the classes are {list(classifier.classes_)}, not 0 and 1")

    terms = [term.split(" ") for term in vectorizer.get_feature_names_out()]
    shares = lexicons.named_steps["shares"]
    words = sorted({*chain.from_iterable(terms), *shares.words_})
    word_id = {word: index for index, word in enumerate(words)}
    entries = shares.weights_.tocoo()
    entry_word = np.array([word_id[shares.words_[row]] for row in entries.row], dtype=np.int64)
    order = np.argsort(entry_word, kind="stable")

    n_categories = len(shares.lexicons)
    weights = features.transformer_weights
    term_weight, share_weight, selected_weight = np.split(
        classifier.coef_[0], [len(terms), len(terms) + n_categories]
    )
    return Artefact(
        words=tuple(words),
        first=np.array([word_id[term[0]] for term in terms], dtype=np.int64),
        second=np.array(
            [word_id[term[1]] if len(term) == 2 else -1 for term in terms], dtype=np.int64
        ),
        idf=np.asarray(vectorizer.idf_, dtype=np.float64),
        weight=term_weight,
        categories=tuple(shares.lexicons),
        entry_word=entry_word[order],
        entry_category=entries.col[order].astype(np.int64),
        entry_value=entries.data[order],
        share_mean=lexicons.named_steps["scale"].mean_,
        share_scale=lexicons.named_steps["scale"].scale_,
        share_weight=share_weight * weights["lexicons"],
        numeric_features=NUMERIC_FEATURES,
        **_numbers(features, selected_weight, n_categories),
        intercept=float(classifier.intercept_[0]),
    )


def _numbers(features: Any, coefficients: FloatArray, n_categories: int) -> dict[str, FloatArray]:
    """Return the artefact's arrays of `NUMERIC_FEATURES`; one that the pipeline lacks weighs 0."""
    n_features = len(NUMERIC_FEATURES)
    arrays = {
        "expected_base": np.zeros(n_features),
        "expected_slope": np.zeros((n_categories, n_features)),
        "mean": np.zeros(n_features),
        "scale": np.ones(n_features),
        "number_weight": np.zeros(n_features),
    }
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


def _expectation(regressions: Sequence[Any]) -> tuple[FloatArray, FloatArray]:
    """Return the regressions of the numbers on standardised shares as ones on the shares."""
    scalers = [regression[0] for regression in regressions]
    slope = np.column_stack(
        [one[1].coef_ / scaler.scale_ for one, scaler in zip(regressions, scalers, strict=True)]
    )
    centre = np.column_stack([scaler.mean_ for scaler in scalers])
    base = np.array([one[1].intercept_ for one in regressions]) - (centre * slope).sum(axis=0)
    return base, slope


def prove_parity(artefact: Artefact, pipeline: Any, frame: Any) -> float:
    """Return the largest difference between the artefact's and the pipeline's probabilities.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n_posts, 1 + n_numeric_features)
        Columns ``text`` and the artefact's numeric features.

    Raises
    ------
    NotExportable
        When it is over `PARITY`.
    """
    ours = artefact.score(
        frame["text"].tolist(), frame[list(artefact.numeric_features)].to_numpy(dtype=np.float64)
    ).probability
    largest = float(np.abs(ours - pipeline.predict_proba(frame)[:, 1]).max())
    if not largest <= PARITY:
        raise NotExportable(
            f"the artefact differs from the pipeline by {largest:.2e} in probability; "
            f"at most {PARITY:.0e} is allowed"
        )
    return largest


def _require_settings(vectorizer: Any, **settings: Any) -> None:
    for name, value in settings.items():
        if getattr(vectorizer, name) != value:
            raise NotExportable(
                f"the vectorizer has {name}={getattr(vectorizer, name)!r}; "
                f"only {value!r} can be exported"
            )
