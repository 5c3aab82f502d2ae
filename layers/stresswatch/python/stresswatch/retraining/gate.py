"""The gate: whether a challenger may take the champion's place.

Both are scored on the same posts of the evaluation split, which neither was trained on, by id or by
text (`stresswatch.evaluation.splits`): the standing ones of the base data set and the fresh ones
that were labelled since. A difference is judged by its bounds
(`stresswatch.evaluation.paired_bootstrap`), never by its value alone: few posts prove little.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from stresswatch.aws.identifiers import printable
from stresswatch.contracts.posts import LabelledPost
from stresswatch.evaluation.metrics import Quality, chance_of_roc_auc, measure
from stresswatch.evaluation.paired_bootstrap import Comparison, compare
from stresswatch.evaluation.splits import groups, split, unlearned
from stresswatch.model.artefact import Artefact

_TIMED_POSTS = 500
_TIMED_ROUNDS = 5


class InvalidRules(ValueError):
    """The gate's rules cannot be read, or one of them can never or always be met."""


@dataclass(frozen=True)
class Rules:
    """How far a challenger may fall short, and what it must gain.

    The margins were chosen by measurement; docs/retraining.md has it.

    Attributes
    ----------
    confidence : float
        Of each bound that a margin is held against.
    minimum_roc_auc : float
        Of the challenger, on standing posts.
    maximum_chance : float
        Of a ROC-AUC as high on standing posts, by a model that knows nothing.
    standing_f1_margin, standing_brier_margin : float
        The challenger must be shown to be no worse than the champion by more on standing posts.
    fresh_brier_margin : float
        The same on fresh posts.
    community_f1_margin : float
        A fall in F1 by more, which chance does not explain, fails: in any community of the standing
        or fresh posts, and on the fresh posts as a whole.
    minimum_posts : int
        Below as many, a community, or the fresh posts, are not judged.
    minimum_drift_relief : float
        By how much the mean Kolmogorov-Smirnov distance between the numbers of the fresh posts and
        those of the training posts must be less for the challenger, where a gain is not shown.
    calibration_margin : float
        By how much the expected calibration error on standing posts may be higher.
    maximum_model_bytes : int
        Size of the model file.
    maximum_slowdown : float
        Time of scoring the same posts, in multiples of the champion's.
    minimum_shadow_coverage, minimum_agreement : float
        Of a challenger that shadows: on how many of the champion's posts it must have a prediction
        at all, and the same class.
    """

    confidence: float = 0.95
    minimum_roc_auc: float = 0.7
    maximum_chance: float = 0.01
    standing_f1_margin: float = 0.05
    standing_brier_margin: float = 0.005
    fresh_brier_margin: float = 0.015
    community_f1_margin: float = 0.1
    minimum_posts: int = 30
    minimum_drift_relief: float = 0.01
    calibration_margin: float = 0.03
    maximum_model_bytes: int = 8 * 1024 * 1024
    maximum_slowdown: float = 2.0
    minimum_shadow_coverage: float = 0.99
    minimum_agreement: float = 0.7

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1:
            raise InvalidRules(f"confidence is {self.confidence}; it must be between 0.5 and 1")
        if not 0.5 <= self.minimum_roc_auc < 1:
            raise InvalidRules(
                f"minimum_roc_auc is {self.minimum_roc_auc}; it must be at least 0.5 and below 1"
            )
        if not self.maximum_chance < 1:
            raise InvalidRules(f"maximum_chance is {self.maximum_chance}; it must be below 1")
        for name, value in asdict(self).items():
            if not value > 0:
                raise InvalidRules(f"{name} is {value}; it must be above 0")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(value: str) -> Rules:
        """Read rules.

        Raises
        ------
        InvalidRules
            When they are none.
        """
        try:
            return Rules(**json.loads(value))
        except InvalidRules:
            raise
        except (ValueError, TypeError) as error:
            raise InvalidRules(f"the gate's rules cannot be read: {error}") from error


@dataclass(frozen=True)
class Contender:
    """One of the two models.

    Attributes
    ----------
    posts : sequence of LabelledPost
        Its training set, both splits of it; empty where it is not known any more.
    """

    artefact: Artefact
    posts: Sequence[LabelledPost]


@dataclass(frozen=True)
class Check:
    """One line of the verdict.

    Attributes
    ----------
    champion, challenger : float or None
        The value of each; None where there is no champion or nothing was measured.
    threshold : float or None
        What was held against; the reason says how.
    """

    name: str
    champion: float | None
    challenger: float | None
    threshold: float | None
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The checks, all of which a challenger must pass."""

    checks: tuple[Check, ...]

    @property
    def accepted(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict[str, object]:
        return {"accepted": self.accepted, "checks": [asdict(check) for check in self.checks]}


@dataclass(frozen=True)
class _Posts:
    """Posts of the evaluation split, and what each model says of them; all of one length."""

    name: str
    posts: Sequence[LabelledPost]
    groups: Sequence[str]
    champion: NDArray[np.float64]
    challenger: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.posts)

    def only(self, name: str, rows: Sequence[int]) -> _Posts:
        return _Posts(
            name,
            [self.posts[row] for row in rows],
            [self.groups[row] for row in rows],
            self.champion[rows],
            self.challenger[rows],
        )

    def qualities(self) -> tuple[Quality, Quality]:
        """Measure champion and challenger."""
        labels = _labels(self.posts)
        return measure(labels, self.champion), measure(labels, self.challenger)

    def compare(self, confidence: float) -> Comparison:
        return compare(_labels(self.posts), self.champion, self.challenger, self.groups, confidence)


def decide(challenger: Contender, champion: Contender | None, rules: Rules) -> Verdict:
    """Judge a challenger on the evaluation split of its training set.

    Parameters
    ----------
    champion : Contender or None
        None before the first promotion.

    Raises
    ------
    ValueError
        When there is no standing post: nothing can be compared.
    """
    posts = split(challenger.posts).evaluation
    if champion:
        posts = unlearned(posts, champion.posts)
    standing = [row for row, post in enumerate(posts) if post.labelled_at is None]
    fresh = [row for row, post in enumerate(posts) if post.labelled_at is not None]
    if not standing:
        raise ValueError("the gate needs a standing post in the evaluation split")
    scores = _score(challenger.artefact, posts)
    group_of = groups(posts)
    checks = [
        *_worth_serving(
            _labels([posts[row] for row in standing]),
            scores[standing],
            [group_of[row] for row in standing],
            rules,
        ),
        _size(challenger, champion, rules),
    ]
    if champion:
        before = _score(champion.artefact, posts)
        both = _Posts("evaluation posts", posts, group_of, before, scores)
        checks += _as_good_on_standing(both.only("standing posts", standing), rules)
        checks += _better_on_fresh(both.only("fresh posts", fresh), challenger, champion, rules)
        checks += _no_community_falls(both, rules)
        checks.append(_as_fast(challenger.artefact, champion.artefact, posts, rules))
    return Verdict(tuple(checks))


def _worth_serving(
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    group_of: Sequence[str],
    rules: Rules,
) -> list[Check]:
    quality = measure(labels, scores)
    # Calling every post stressed has recall 1 and the share of stressed posts as its precision.
    share = quality.stressed / quality.posts
    call_all_stressed = 2 * share / (1 + share)
    return [
        _at_least("ROC-AUC, standing posts", quality.roc_auc or 0.0, rules.minimum_roc_auc),
        _beyond_chance("standing posts", labels, scores, group_of, rules.maximum_chance),
        _at_least("F1 over calling all stressed", quality.f1, call_all_stressed),
    ]


def _beyond_chance(
    name: str,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    group_of: Sequence[str],
    maximum: float,
) -> Check:
    """Ask whether the ROC-AUC on few posts is more than luck; of many it always shows."""
    chance = chance_of_roc_auc(labels, scores, group_of)
    return Check(
        name=f"chance of that ROC-AUC, {name}",
        champion=None,
        challenger=chance,
        threshold=maximum,
        passed=chance <= maximum,
        reason=f"on {len(set(group_of))} independent posts it must be at most {maximum:.3f} for a "
        "model that knows nothing",
    )


def _size(challenger: Contender, champion: Contender | None, rules: Rules) -> Check:
    size = len(challenger.artefact.to_bytes())
    return Check(
        name="size of the model, MB",
        champion=len(champion.artefact.to_bytes()) / 1e6 if champion else None,
        challenger=size / 1e6,
        threshold=rules.maximum_model_bytes / 1e6,
        passed=size <= rules.maximum_model_bytes,
        reason=f"must be at most {rules.maximum_model_bytes / 1e6:.1f} MB",
    )


def _as_good_on_standing(standing: _Posts, rules: Rules) -> list[Check]:
    differences = standing.compare(rules.confidence)
    champion, challenger = standing.qualities()
    margin = rules.standing_f1_margin
    limit = champion.calibration_error + rules.calibration_margin
    return [
        Check(
            name="F1, standing posts",
            champion=champion.f1,
            challenger=challenger.f1,
            threshold=champion.f1 - margin,
            passed=differences.f1.low >= -margin,
            reason=f"{differences.f1}: must be shown to fall by no more than {margin:.3f}",
        ),
        _brier_no_worse(standing, rules.standing_brier_margin, differences),
        Check(
            name="calibration error, standing posts",
            champion=champion.calibration_error,
            challenger=challenger.calibration_error,
            threshold=limit,
            passed=challenger.calibration_error <= limit,
            reason=f"must be at most {limit:.3f}",
        ),
    ]


def _better_on_fresh(
    fresh: _Posts, challenger: Contender, champion: Contender, rules: Rules
) -> list[Check]:
    if len(fresh) < rules.minimum_posts:
        reason = f"not judged: {len(fresh)} of at least {rules.minimum_posts} fresh posts"
        return [Check("gain on fresh posts", None, None, None, passed=True, reason=reason)]
    differences = fresh.compare(rules.confidence)
    before, _ = fresh.qualities()
    return [
        # Labels on which the champion is worse than chance are wrong rather than new: turned round
        # by mistake, or by somebody who wants a model that says the opposite.
        Check(
            name="fresh labels can be trusted",
            champion=before.roc_auc,
            challenger=None,
            threshold=0.5,
            passed=before.roc_auc is None or before.roc_auc >= 0.5,
            reason="the champion's ROC-AUC on them must be at least 0.500; look at the labels",
        ),
        # Labels given at random cost whoever is sure: a challenger that has learned to be unsure
        # gains on them, and knows nothing of them.
        _beyond_chance(
            fresh.name,
            _labels(fresh.posts),
            fresh.challenger,
            fresh.groups,
            1 - rules.confidence,
        ),
        _brier_no_worse(fresh, rules.fresh_brier_margin, differences),
        _f1_does_not_fall(fresh, rules.confidence, rules),
        _gain(fresh, differences, challenger, champion, rules),
    ]


def _gain(
    fresh: _Posts,
    differences: Comparison,
    challenger: Contender,
    champion: Contender,
    rules: Rules,
) -> Check:
    """Ask for a better Brier score, or for a model that knows posts like the fresh ones."""
    name = "gain on fresh posts"
    if differences.brier.high < 0:
        return Check(name, None, None, None, True, f"Brier score {differences.brier}: shown")
    unshown = f"Brier score {differences.brier}: not shown"
    if not champion.posts:
        reason = f"{unshown}, and the champion's training set is gone: no drift to compare"
        return Check(name, None, None, None, False, reason)
    distance = [_distance(fresh.posts, one.posts) for one in (champion, challenger)]
    if np.isnan(_numbers(fresh.posts)).all() and distance[0] == 0:
        reason = f"{unshown}, and neither these nor the champion's posts have numbers to compare"
        return Check(name, None, None, None, False, reason)
    limit = distance[0] - rules.minimum_drift_relief
    return Check(
        name=name,
        champion=distance[0],
        challenger=distance[1],
        threshold=limit,
        passed=distance[1] <= limit,
        reason=f"{unshown}; so the numbers' mean distance to the training posts must be at most "
        f"{limit:.3f}",
    )


def _no_community_falls(both: _Posts, rules: Rules) -> list[Check]:
    rows = sorted(
        (labelled.post.source, row)
        for row, labelled in enumerate(both.posts)
        if labelled.post.source
    )
    communities = [
        both.only(printable(source), [row for _, row in found])
        for source, found in groupby(rows, key=lambda item: item[0])
    ]
    judged = [posts for posts in communities if len(posts) >= rules.minimum_posts]
    # Bonferroni: one of many communities falls by chance more easily than a given one.
    confidence = 1 - (1 - rules.confidence) / max(1, len(judged))
    return [_f1_does_not_fall(posts, confidence, rules) for posts in judged]


def _as_fast(
    challenger: Artefact, champion: Artefact, posts: Sequence[LabelledPost], rules: Rules
) -> Check:
    timed = posts[:_TIMED_POSTS]
    microseconds = [float("inf"), float("inf")]
    for _ in range(_TIMED_ROUNDS):
        for place, artefact in enumerate((champion, challenger)):
            # Processor time: what else the machine does takes turns with this, and is none of it.
            begun = time.thread_time()
            _score(artefact, timed)
            # The least of several rounds, taken in turn: what else the machine did only adds.
            taken = 1e6 * (time.thread_time() - begun) / len(timed)
            microseconds[place] = min(microseconds[place], taken)
    limit = microseconds[0] * rules.maximum_slowdown
    return Check(
        name="time to score, µs a post",
        champion=microseconds[0],
        challenger=microseconds[1],
        threshold=limit,
        passed=microseconds[1] <= limit,
        reason=f"must be at most {rules.maximum_slowdown:g} times the champion's",
    )


def _brier_no_worse(posts: _Posts, margin: float, differences: Comparison) -> Check:
    champion, challenger = posts.qualities()
    return Check(
        name=f"Brier score, {posts.name}",
        champion=champion.brier,
        challenger=challenger.brier,
        threshold=champion.brier + margin,
        passed=differences.brier.high <= margin,
        reason=f"{differences.brier}: must be shown to rise by no more than {margin:.3f}",
    )


def _f1_does_not_fall(posts: _Posts, confidence: float, rules: Rules) -> Check:
    difference = posts.compare(confidence).f1
    champion, challenger = posts.qualities()
    margin = rules.community_f1_margin
    return Check(
        name=f"F1, {posts.name}",
        champion=champion.f1,
        challenger=challenger.f1,
        threshold=champion.f1 - margin,
        passed=difference.value >= -margin or difference.high >= 0,
        reason=f"{difference}, {len(posts)} posts: must not be shown to fall, and by over "
        f"{margin:.3f}",
    )


def _at_least(name: str, challenger: float, threshold: float) -> Check:
    passed = challenger >= threshold
    return Check(name, None, challenger, threshold, passed, f"must be at least {threshold:.3f}")


def _distance(fresh: Sequence[LabelledPost], data_set: Sequence[LabelledPost]) -> float:
    """Give the mean two-sample Kolmogorov-Smirnov statistic of the numbers, missing ones left out.

    Between fresh posts of the evaluation split and the training split of a data set. A column
    with numbers on one side only is at the greatest distance, 1; with none on both sides at 0, as
    a model of text alone is no farther from posts of text alone.
    """
    learned = split(data_set).train
    return float(
        np.mean(
            [
                _ks_statistic(one[~np.isnan(one)], other[~np.isnan(other)])
                for one, other in zip(_numbers(fresh).T, _numbers(learned).T, strict=True)
            ]
        )
    )


def _ks_statistic(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if not len(one) or not len(other):
        return float(len(one) != len(other))
    places = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(sample), places, side="right") / len(sample)
        for sample in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def _score(artefact: Artefact, posts: Sequence[LabelledPost]) -> NDArray[np.float64]:
    texts = [labelled.post.text for labelled in posts]
    return artefact.score(texts, _numbers(posts)).probability


def _labels(posts: Sequence[LabelledPost]) -> NDArray[np.int64]:
    return np.array([labelled.label for labelled in posts])


def _numbers(posts: Sequence[LabelledPost]) -> NDArray[np.float64]:
    return np.array([labelled.post.numbers for labelled in posts], dtype=np.float64).reshape(
        len(posts), -1
    )
