"""Live quality: compares predictions on the stream with labels that arrive later.

Labels arrive out of order, repeatedly, contradicting each other, for unknown posts, for texts
edited since, and days after the prediction. Each labelled post, identified by id and text, counts
once: with its newest label, and the first prediction of a model version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from stresswatch.contracts.identity import Identity
from stresswatch.contracts.sampling import SampleKind
from stresswatch.evaluation.metrics import bootstrap_intervals, measure

Row = Mapping[str, Any]
"""A row of the archive."""


@dataclass(frozen=True)
class Labels:
    """The current labels.

    Attributes
    ----------
    by_post : dict of Identity to int
        The newest label of each post.
    invalid : int
        Invalid lines.
    elsewhere : int
        Labels missing in `by_post`, because their posts are in none of the given rows.
    """

    by_post: Mapping[Identity, int]
    invalid: int
    elsewhere: int = 0

    @cached_property
    def texts(self) -> Mapping[str, list[str]]:
        """The digests of the labelled texts, by post id."""
        found: dict[str, list[str]] = {}
        for post_id, digest in self.by_post:
            found.setdefault(post_id, []).append(digest)
        return found


@dataclass(frozen=True)
class Join:
    """The rows with a label, and the reasons why other labels have no row.

    Attributes
    ----------
    rows : dict of Identity to row
        The first row of each labelled post.
    other_text : set of Identity
        Labels of a text that no row of its id has: the post was edited, or is one of several with
        this id, and awaits its prediction.
    ambiguous : set of Identity
        Labels of an id that stands for several texts in rows without a digest.
    """

    rows: dict[Identity, Row] = field(default_factory=dict)
    other_text: set[Identity] = field(default_factory=set)
    ambiguous: set[Identity] = field(default_factory=set)


@dataclass(frozen=True)
class Scored:
    """A prediction and its label."""

    post_id: str
    label: int
    probability: float
    source: str | None


@dataclass(frozen=True)
class Outcome:
    """The labels by outcome; each has exactly one.

    Attributes
    ----------
    scored : list of Scored
        Pairs that quality is measured on.
    trained_on : int
        Labels of texts that the version was trained on, which are left out.
    uncertain : int
        Labels of posts drawn because the model was uncertain. They are left out, because it is
        wrong on them more often.
    other_text, ambiguous : int
        As in `Join`.
    other_version : int
        Labels of posts that only other versions predicted.
    unseen : int
        Labels of posts without a prediction in the window.
    """

    scored: list[Scored]
    trained_on: int
    uncertain: int
    other_text: int
    ambiguous: int
    other_version: int
    unseen: int

    def counts(self) -> dict[str, int]:
        """Return the number of labels by outcome."""
        named = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"labelled_posts": len(named.pop("scored")), **named}


@dataclass(frozen=True)
class LiveQuality:
    """A version's measured quality.

    Attributes
    ----------
    overall : dict or None
        The metrics of `Quality` and their ``intervals``; None with too few posts.
    communities : dict of str to dict
        The same for each community with enough labelled posts, largest first.
    """

    overall: dict[str, Any] | None
    communities: dict[str, dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def join(labels: Labels, rows: Iterable[Row]) -> Join:
    """Join labels with one model version's rows, earliest first.

    A row's digest identifies its text. Rows of earlier releases lack it: they match the label of
    their id if the id stands for one text on both sides.
    """
    found = Join()
    undigested: dict[str, list[Row]] = {}
    digested: set[str] = set()
    for row in rows:
        post_id, digest = row["post_id"], row.get("text_digest")
        if post_id not in labels.texts:
            continue
        if digest is None:
            undigested.setdefault(post_id, []).append(row)
            continue
        digested.add(post_id)
        if (post_id, digest) in labels.by_post:
            found.rows.setdefault((post_id, digest), row)
    for post_id in digested | undigested.keys():
        missed = {
            (post_id, digest)
            for digest in labels.texts[post_id]
            if (post_id, digest) not in found.rows
        }
        without = undigested.get(post_id, [])
        if not without:
            found.other_text.update(missed)
        elif len(labels.texts[post_id]) == 1 and post_id not in digested and _is_one_text(without):
            found.rows.update(dict.fromkeys(missed, without[0]))
        else:
            found.ambiguous.update(missed)
    return found


def match(
    labels: Labels, rows: Sequence[Row], version: str, trained_texts: Container[str] = ()
) -> Outcome:
    """Assign each label its outcome, given the window's rows, earliest first.

    Parameters
    ----------
    version : str
        The version to measure.
    trained_texts : container of str
        Digests of the version's training texts.
    """
    seen = {row["post_id"] for row in rows}
    joined = join(labels, (row for row in rows if row["model_version"] == version))
    kept = {post: row for post, row in joined.rows.items() if post[1] not in trained_texts}
    measured = {
        post: row for post, row in kept.items() if row.get("sample") != SampleKind.UNCERTAIN
    }
    elsewhere = join(labels, (row for row in rows if row["model_version"] != version)).rows.keys()
    missed = {post for post in labels.by_post if post[0] in seen} - joined.rows.keys()
    other_version = missed & elsewhere | (missed - joined.other_text - joined.ambiguous)
    return Outcome(
        scored=[
            Scored(post[0], labels.by_post[post], row["probability"], row.get("source"))
            for post, row in measured.items()
        ],
        trained_on=len(joined.rows) - len(kept),
        uncertain=len(kept) - len(measured),
        other_text=len(joined.other_text - other_version),
        ambiguous=len(joined.ambiguous - other_version),
        other_version=len(other_version),
        unseen=labels.elsewhere + len(labels.by_post) - len(missed) - len(joined.rows),
    )


def measure_live(
    scored: Sequence[Scored], minimum_posts: int, most_communities: int = 20
) -> LiveQuality:
    """Measure the joined pairs, overall and by community, with at least `minimum_posts` each."""
    sources = Counter(one.source for one in scored if one.source)
    large = [
        name for name, posts in sources.most_common(most_communities) if posts >= minimum_posts
    ]
    return LiveQuality(
        overall=_figures(scored) if len(scored) >= minimum_posts else None,
        communities={
            name: _figures([one for one in scored if one.source == name]) for name in large
        },
    )


def _is_one_text(rows: Sequence[Row]) -> bool:
    return len({row.get("text_length") for row in rows}) == 1


def _figures(scored: Sequence[Scored]) -> dict[str, Any]:
    labels = np.array([one.label for one in scored])
    probability = np.array([one.probability for one in scored])
    intervals = bootstrap_intervals(labels, probability, [one.post_id for one in scored])
    return {**measure(labels, probability).as_dict(), "intervals": intervals}
