"""Export a fitted scikit-learn pipeline to an `Artefact`, and prove that both say the same.

Nothing here imports scikit-learn: the fitted pipeline is read through its public attributes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stresswatch.artefact import TOKEN_PATTERN, Artefact
from stresswatch.posts import NUMERIC_FEATURES

PARITY = 1e-9
"""Largest difference in probability allowed between an artefact and its pipeline."""


class NotExportable(ValueError):
    """The pipeline has a setting that the artefact's formula does not cover, or scores apart."""


def export_pipeline(pipeline: Any) -> Artefact:
    """Export the pipeline of ``training_jobs/stress_model/recipe.py``.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Fitted; steps ``features`` (a ``ColumnTransformer`` of ``text`` and ``numbers``) and
        ``classifier`` (a binary ``LogisticRegression``).

    Raises
    ------
    NotExportable
        When a setting differs from those that `Artefact.score` computes.
    """
    features = pipeline.named_steps["features"].named_transformers_
    vectorizer, numbers = features["text"], features["numbers"]
    classifier = pipeline.named_steps["classifier"]
    _require_settings(
        vectorizer,
        analyzer="word",
        ngram_range=(1, 2),
        lowercase=True,
        token_pattern=TOKEN_PATTERN,
        strip_accents=None,
        stop_words=None,
        preprocessor=None,
        tokenizer=None,
        binary=False,
        sublinear_tf=True,
        use_idf=True,
        norm="l2",
    )
    if list(classifier.classes_) != [0, 1]:
        raise NotExportable(f"the classes are {list(classifier.classes_)}, not 0 and 1")

    terms = [term.split(" ") for term in vectorizer.get_feature_names_out()]
    words = sorted({word for term in terms for word in term})
    word_id = {word: index for index, word in enumerate(words)}
    coefficients = classifier.coef_[0]
    number_weight = np.zeros(len(NUMERIC_FEATURES))
    number_weight[numbers.named_steps["select"].get_support()] = coefficients[len(terms) :]
    return Artefact(
        words=tuple(words),
        first=np.array([word_id[term[0]] for term in terms], dtype=np.int64),
        second=np.array(
            [word_id[term[1]] if len(term) == 2 else -1 for term in terms], dtype=np.int64
        ),
        idf=np.asarray(vectorizer.idf_, dtype=np.float64),
        weight=np.asarray(coefficients[: len(terms)], dtype=np.float64),
        median=np.asarray(numbers.named_steps["impute"].statistics_, dtype=np.float64),
        mean=np.asarray(numbers.named_steps["scale"].mean_, dtype=np.float64),
        scale=np.asarray(numbers.named_steps["scale"].scale_, dtype=np.float64),
        number_weight=number_weight,
        intercept=float(classifier.intercept_[0]),
    )


def prove_parity(artefact: Artefact, pipeline: Any, frame: Any) -> float:
    """Give the largest difference between the artefact's and the pipeline's probabilities.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n_posts, 1 + n_numeric_features)
        Columns ``text`` and `NUMERIC_FEATURES`.

    Raises
    ------
    NotExportable
        When it is over `PARITY`.
    """
    ours = artefact.score(
        frame["text"].tolist(), frame[list(NUMERIC_FEATURES)].to_numpy(dtype=np.float64)
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
