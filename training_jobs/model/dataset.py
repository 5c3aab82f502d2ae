"""Read the labelled posts of a training channel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresswatch.contracts.labelled_posts import LabelledPost, parse_labelled_post
from stresswatch.contracts.posts import NUMERIC_FEATURES, InvalidPost
from stresswatch.errors import InvalidInput
from stresswatch.evaluation.splits import split
from stresswatch.storage.training_sources import SOURCES_FILE, Sources

FEWEST_OF_A_LABEL = 2
"""Fewest posts per label for an estimate of a feature's mutual information with it."""


class UnusableDataSet(InvalidInput):
    """No model can be trained on this data set; the message gives the reason in one sentence."""


@dataclass(frozen=True)
class DataSet:
    """Labelled posts, split for training and evaluation.

    Attributes
    ----------
    posts : list of LabelledPost
        All posts, in the order of their lines.
    invalid : int
        Lines that broke the contract and were left out.
    unweighted : int
        Posts in the training split with a label of confidence 0; `train` excludes them.
    """

    posts: list[LabelledPost]
    train: list[LabelledPost]
    evaluation: list[LabelledPost]
    invalid: int
    unweighted: int


def read_dataset(channel: Path) -> DataSet:
    """Read all ``*.jsonl`` files in a channel, and split the posts by id and text.

    The order of files and lines does not matter: the same posts give the same model.

    Raises
    ------
    UnusableDataSet
        When there are no lines or no valid ones, or all training labels have confidence 0. Also
        when a split is empty or has one class, or a label has fewer than `FEWEST_OF_A_LABEL`
        training posts.
    """
    lines = sorted(
        line
        for path in channel.glob("**/*.jsonl")
        for line in path.read_bytes().splitlines()
        if line.strip()
    )
    if not lines:
        raise UnusableDataSet("The data set is empty: the channel 'train' has no lines of JSON.")
    posts, rejections = _parse(lines)
    if not posts:
        most_common = max(sorted(set(rejections)), key=rejections.count)
        raise UnusableDataSet(
            f"The data set has no valid rows: {len(rejections)} of {len(lines)} lines were "
            f"rejected, most for {most_common}."
        )
    sides = split(posts)
    splits = DataSet(
        posts=posts,
        train=weighted(sides.train),
        evaluation=sides.evaluation,
        invalid=len(rejections),
        unweighted=len(sides.train) - len(weighted(sides.train)),
    )
    if sides.train and not splits.train:
        raise UnusableDataSet(
            "All labels in the training split have confidence 0 and weigh nothing: "
            f"{len(sides.train)} posts."
        )
    for name, side in (("training", splits.train), ("evaluation", splits.evaluation)):
        classes = {post.label for post in side}
        if len(classes) < 2:
            found = f"only the label {classes.pop()}" if classes else "no post"
            raise UnusableDataSet(
                f"The data set has one class or too few posts: its {name} split of "
                f"{len(side)} posts has {found}."
            )
    labels = [post.label for post in splits.train]
    if (rarest := min(labels.count(0), labels.count(1))) < FEWEST_OF_A_LABEL:
        raise UnusableDataSet(
            f"The data set has too few posts: its training split of {len(labels)} posts has "
            f"{rarest} of one label, and at least {FEWEST_OF_A_LABEL} are needed."
        )
    return splits


def base_posts(channel: Path) -> dict[str, int] | None:
    """Return the posts of each set of base data; None for a channel without that record."""
    record = channel / SOURCES_FILE
    if not record.exists():
        return None
    sources = Sources.from_bytes(record.read_bytes())
    return {name: one.posts for name, one in sources.base.items() if one.posts}


def weighted(posts: Iterable[LabelledPost]) -> list[LabelledPost]:
    """Return the posts that a model can learn from: labels with a confidence above 0."""
    return [labelled for labelled in posts if labelled.confidence > 0]


def present_features(posts: Iterable[LabelledPost]) -> tuple[str, ...]:
    """Return those of `NUMERIC_FEATURES` with at least two different values in the posts.

    The other features are absent from a model of these posts, because it could learn nothing from a
    constant or missing value.
    """
    columns = zip(*(labelled.post.numbers for labelled in posts), strict=True)
    return tuple(
        name
        for name, values in zip(NUMERIC_FEATURES, columns, strict=True)
        if len({value for value in values if not math.isnan(value)}) > 1
    )


def frame(posts: Iterable[LabelledPost]) -> pd.DataFrame:
    """Return posts as the pipeline's input: columns ``text`` and `NUMERIC_FEATURES`."""
    return pd.DataFrame(
        [(labelled.post.text, *labelled.post.numbers) for labelled in posts],
        columns=["text", *NUMERIC_FEATURES],
    )


def labels_of(posts: Iterable[LabelledPost]) -> NDArray[np.int64]:
    return np.array([labelled.label for labelled in posts], dtype=np.int64)


def _parse(lines: list[bytes]) -> tuple[list[LabelledPost], list[str]]:
    posts, reasons = [], []
    for line in lines:
        try:
            posts.append(parse_labelled_post(line))
        except InvalidPost as error:
            reasons.append(str(error))
    return posts, reasons
