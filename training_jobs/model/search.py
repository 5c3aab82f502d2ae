"""Choose `number_weight` by cross-validation on the training split, unless a value is given.

The search judges as the gate does: a post counts once, also if its label has less confidence. The
task's value stays unless the out-of-fold Brier score of another one is lower, beyond noise, by more
than the margin within which the gate calls two models equally good. Holdout posts take no part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.stats import norm
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import FunctionTransformer

from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import groups
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.task.definition import TASK
from training_jobs.model.dataset import frame, labels_of, present_features, weighted
from training_jobs.model.fitting import Hyperparameters, build_pipeline, require_terms
from training_jobs.model.pipelines import DEFAULT
from training_jobs.model.pipelines.linear import terms_of

GRID = (0.03, 0.1, 0.3, 1.0)
"""Candidates besides the task's own value."""
FOLDS = 10
"""With fewer, each model learns from fewer posts than the final one, so the best weight differs."""
MARGIN = GateRules.base_brier_margin
"""Smallest gain in Brier score that is worth another value."""
FEWEST_OF_A_LABEL = 50
"""Fewest independent posts of each label for a search."""
MOST_POSTS = 5_000
"""Maximum number of posts to search on, drawn with the seed from a larger training split."""

FloatArray = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Trial:
    """A candidate value, judged by its out-of-fold predictions.

    Attributes
    ----------
    difference, standard_error : float
        Of `brier` from the task's value, over groups of posts; 0 for the task's value itself.
    """

    number_weight: float
    brier: float
    difference: float
    standard_error: float


@dataclass(frozen=True)
class Search:
    """The number weight of a training run, and how it was chosen.

    Attributes
    ----------
    reason : str
        Why this value was chosen, or why there was no search.
    finished : bool
        False if nothing was compared. After a timeout, another machine may choose a different
        value. Otherwise the same posts and hyperparameters give the same choice.
    posts : int
        Number of posts searched on.
    """

    number_weight: float
    reason: str
    finished: bool = False
    posts: int = 0
    seconds: float = 0.0
    trials: tuple[Trial, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """Return the metrics for MLflow."""
        return {"search/seconds": self.seconds, "search/posts": float(self.posts)} | {
            f"search/number_weight_{trial.number_weight:g}/{name}": value
            for trial in self.trials
            for name, value in asdict(trial).items()
            if name != "number_weight"
        }


class _Fold(NamedTuple):
    """Rows for learning and for judging, with their features at weight 1; terms come first."""

    learn: Rows
    judge: Rows
    learned: csr_matrix
    judged: csr_matrix
    n_terms: int


def search_number_weight(
    posts: Sequence[LabelledPost],
    hyperparameters: Hyperparameters,
    clock: Callable[[], float] = time.monotonic,
) -> Search:
    """Choose the number weight for training on these posts.

    Parameters
    ----------
    posts : sequence of LabelledPost
        The training split.
    hyperparameters : Hyperparameters
        Its `number_weight` is the default choice; `search_seconds` limits the search.
    clock : callable
        Returns seconds.

    Raises
    ------
    UnusableDataSet
        When no word occurs in as many posts as a term must.
    """
    preferred = hyperparameters.number_weight
    if hyperparameters.pipeline != DEFAULT:
        return Search(preferred, f"no search: {hyperparameters.pipeline} has no number weight")
    pipeline = build_pipeline(TASK, hyperparameters)
    classifier = type(pipeline[-1])
    if classifier is not LogisticRegression:
        return Search(
            preferred, f"no search: it needs a LogisticRegression, not {classifier.__name__}"
        )
    if not hyperparameters.search_seconds:
        return Search(preferred, "no search: number_weight is given, or search_seconds is 0")
    posts = _drawn(weighted(posts), hyperparameters.seed)
    group_of, labels = np.array(groups(posts), dtype=object), labels_of(posts)
    independent = min(len(set(group_of[labels == label])) for label in (0, 1))
    if independent < FEWEST_OF_A_LABEL:
        return Search(
            preferred,
            f"no search: the rarer label has {independent} independent posts, and "
            f"{FEWEST_OF_A_LABEL} are needed",
        )
    require_terms(pipeline, posts)
    began = clock()
    values = (preferred, *(value for value in GRID if value != preferred))
    limit = hyperparameters.search_seconds
    probability = np.empty((len(values), len(posts)))
    for fold in _folds(posts, labels, group_of, hyperparameters):
        for row, value in enumerate(values):
            if clock() - began > limit:
                reason = (
                    f"the task's value, because the search did not end within {limit:g} seconds"
                )
                return Search(preferred, reason, False, len(posts), clock() - began)
            probability[row, fold.judge] = _predict(fold, value, posts, hyperparameters)
    trials = _trials(values, probability, posts, group_of)
    chosen, reason = _choice(trials)
    return Search(chosen.number_weight, reason, True, len(posts), clock() - began, trials)


def _drawn(posts: list[LabelledPost], seed: int) -> list[LabelledPost]:
    """Return all posts, or a random selection of whole groups up to `MOST_POSTS` posts."""
    if len(posts) <= MOST_POSTS:
        return posts
    names, group = np.unique(np.array(groups(posts), dtype=object), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(group)[order]
    kept = order[np.cumsum(sizes) <= MOST_POSTS]
    return [posts[row] for row in np.flatnonzero(np.isin(group, kept))]


def _folds(
    posts: Sequence[LabelledPost],
    labels: NDArray[np.int64],
    group_of: NDArray[np.object_],
    hyperparameters: Hyperparameters,
) -> Iterator[_Fold]:
    """Fit the features to the learning posts of each fold, as `build_pipeline` does.

    Each text's terms are counted once for all folds, because counting takes most of the time.
    """
    terms = terms_of(hyperparameters)
    raw = {"min_df": 1, "norm": None, "use_idf": False, "sublinear_tf": False}
    table = frame(posts)
    counts = clone(terms).set_params(**raw).fit_transform(table["text"]).tocsc()
    cut = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=hyperparameters.seed)
    for learn, judge in cut.split(labels, labels, group_of):
        known = counts[:, np.diff(counts[learn].indptr) >= terms.min_df].tocsr()
        tf_idf = TfidfTransformer(norm=terms.norm, sublinear_tf=terms.sublinear_tf)
        # The posts of a fold may share no term at all.
        tf_idf = (tf_idf if known.shape[1] else FunctionTransformer()).fit(known[learn])
        present = TASK.with_features(present_features(posts[row] for row in learn))
        others = build_pipeline(present, replace(hyperparameters, number_weight=1.0))[0]
        others.set_params(terms="drop")
        learned = others.fit_transform(table.iloc[learn], labels[learn])
        judged = others.transform(table.iloc[judge])
        yield _Fold(
            learn,
            judge,
            hstack([tf_idf.transform(known[learn]), learned], "csr"),
            hstack([tf_idf.transform(known[judge]), judged], "csr"),
            known.shape[1],
        )


def _predict(
    fold: _Fold, value: float, posts: Sequence[LabelledPost], hyperparameters: Hyperparameters
) -> FloatArray:
    """Return the probabilities of a fold's judged posts at this number weight."""
    scale = np.full(fold.learned.shape[1], value)
    scale[: fold.n_terms] = 1.0
    learn = [posts[row] for row in fold.learn]
    classifier = build_pipeline(TASK, hyperparameters)[-1].fit(
        fold.learned.multiply(scale).tocsr(),
        labels_of(learn),
        sample_weight=[labelled.confidence for labelled in learn],
    )
    probability: FloatArray = classifier.predict_proba(fold.judged.multiply(scale).tocsr())[:, 1]
    return probability


def _trials(
    values: Sequence[float],
    probability: FloatArray,
    posts: Sequence[LabelledPost],
    group_of: NDArray[np.object_],
) -> tuple[Trial, ...]:
    """Compare each candidate's probabilities, shape (n_values, n_posts), with the first one's."""
    losses = (probability - labels_of(posts)) ** 2
    _, group = np.unique(group_of, return_inverse=True)
    n_groups = group.max() + 1
    trials = []
    for value, loss in zip(values, losses, strict=True):
        changes = loss - losses[0]
        difference = float(changes.mean())
        # Standard error of a ratio, as groups differ in size (Cochran, "Sampling techniques", 1977,
        # 2.11).
        residuals = np.bincount(group, changes - difference)
        error = np.sqrt((residuals**2).sum() * n_groups / (n_groups - 1)) / len(posts)
        trials.append(Trial(value, float(loss.mean()), difference, float(error)))
    return tuple(trials)


def _choice(trials: Sequence[Trial]) -> tuple[Trial, str]:
    """Choose the task's value, or the best of those that are shown to be better by the margin.

    Within the margin the values are equivalent in practice (Benavoli et al., "Time for a change: a
    tutorial for comparing multiple classifiers through Bayesian analysis", 2017). The best of
    several values looks better by chance more often than a single one, so each has its share of the
    error rate (Bonferroni).
    """
    preferred, *others = trials
    bound = norm.isf((1 - GateRules.confidence) / len(others))
    better = [one for one in others if one.difference + bound * one.standard_error < -MARGIN]
    best = min(better or others, key=lambda trial: trial.brier)
    compared = (
        f"{best.number_weight:g} differs from it by {best.difference:+.4f} in Brier score, with a "
        f"standard error of {best.standard_error:.4f}"
    )
    if better:
        return best, f"better than the task's value, {preferred.number_weight:g}: {compared}"
    return (
        preferred,
        f"the task's value, because no other is shown to be better by over {MARGIN}: {compared}",
    )
