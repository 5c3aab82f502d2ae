"""The gate: decides whether a challenger may replace the champion.

Both are scored on the same evaluation posts. Neither was trained on any of them, by id or by text
(`stresswatch.evaluation.splits`). The base holdout comes from the base data, the new holdout from
later labels. A difference is judged by its bounds (`stresswatch.evaluation.paired_bootstrap`)
instead of its value alone, because a few posts prove little.

A champion trained for other numeric features is compared as it serves: it reads the common features
and imputes the rest. A challenger for the current features must be no worse, and need not gain.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from stresswatch.evaluation.splits import groups, split, unlearned
from stresswatch.retraining.contenders import Contender, ScoredPosts, labels_of, score
from stresswatch.retraining.gate_checks import (
    as_good_on_base_holdout,
    as_good_on_new_holdout,
    better_on_new_holdout,
    no_community_falls,
    worth_serving,
)
from stresswatch.retraining.gate_rules import GateRules
from stresswatch.retraining.scorer_checks import as_fast, small_enough
from stresswatch.retraining.verdict import Basis, Verdict
from stresswatch.versions.task_change import TaskChange

_AS_IT_SERVES = (
    "The champion reads the common features and imputes the rest; a gain is not required."
)


def decide(
    challenger: Contender,
    champion: Contender | None,
    rules: GateRules,
    clock: Callable[[], float] = time.thread_time,
) -> Verdict:
    """Judge a challenger on the evaluation split of its training set.

    Parameters
    ----------
    champion : Contender or None
        None before the first promotion, and if the champion cannot be compared.
    clock
        Processor time in seconds, which excludes other processes' time.

    Raises
    ------
    ValueError
        When the base holdout is empty.
    """
    posts = split(challenger.posts).evaluation
    if champion:
        posts = unlearned(posts, champion.posts)
    base = [row for row, post in enumerate(posts) if post.labelled_at is None]
    new = [row for row, post in enumerate(posts) if post.labelled_at is not None]
    if not base:
        raise ValueError("the base holdout is empty: the gate has nothing to compare on")
    scores = score(challenger.scorer, posts)
    group_of = groups(posts)
    checks = [
        *worth_serving(
            labels_of([posts[row] for row in base]),
            scores[base],
            [group_of[row] for row in base],
            rules,
        ),
        small_enough(challenger, champion, rules),
    ]
    basis, remark = Basis.ALONE, ""
    if champion:
        change = TaskChange.since(
            champion.scorer.numeric_features, now=challenger.scorer.numeric_features
        )
        before = score(champion.scorer, posts)
        both = ScoredPosts("evaluation posts", posts, group_of, before, scores)
        checks += as_good_on_base_holdout(both.only("base holdout", base), rules)
        newer = both.only("new holdout", new)
        basis = Basis.COMMON_FEATURES if change else Basis.CHAMPION
        if change:
            remark = f"{change} {_AS_IT_SERVES}"
            checks += as_good_on_new_holdout(newer, rules)
        else:
            checks += better_on_new_holdout(newer, challenger, champion, rules)
        checks += no_community_falls(both, rules)
        checks.append(as_fast(challenger.scorer, champion.scorer, posts, rules, clock))
    return Verdict(tuple(checks), basis, remark)
