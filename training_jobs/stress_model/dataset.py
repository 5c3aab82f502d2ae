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

FEWEST_OF_A_LABEL = 2
"""Posts of a label without which a feature's mutual information with it cannot be estimated."""


class UnusableDataSet(InvalidInput):
    """No model can be trained on this data set; the message says why in one sentence."""


@dataclass(frozen=True)
class DataSet:
    """Labelled posts, split for training and evaluation.

    Attributes
    ----------
    posts : list of LabelledPost
        All of them, in the order of their lines.
    invalid : int
        Lines that broke the contract, and were left out.
    unweighted : int
        Posts of the training split whose label has confidence 0: they are not in `train`.
    """

    posts: list[LabelledPost]
    train: list[LabelledPost]
    evaluation: list[LabelledPost]
    invalid: int
    unweighted: int


def read_dataset(channel: Path) -> DataSet:
    """Read every ``*.jsonl`` file of a channel, and split its posts by id and text.

    The order of files and of lines does not matter: the same posts give the same model.

    Raises
    ------
    UnusableDataSet
        When there is no line, no valid one, no label of the training split that weighs anything,
        a split that is empty or of one class, or fewer than `FEWEST_OF_A_LABEL` posts of a label
        to train on.
    """
    lines = sorted(
        line
        for path in channel.glob("**/*.jsonl")
        for line in path.read_bytes().splitlines()
        if line.strip()
    )
    if not lines:
        raise UnusableDataSet("The data set is empty: the channel 'train' holds no line of JSON.")
    posts, rejections = _parse(lines)
    if not posts:
        most_common = max(sorted(set(rejections)), key=rejections.count)
        raise UnusableDataSet(
            f"The data set holds no valid row: {len(rejections)} of {len(lines)} lines were "
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
            "No label of the training split weighs anything: each of its "
            f"{len(sides.train)} posts has confidence 0."
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


def weighted(posts: Iterable[LabelledPost]) -> list[LabelledPost]:
    """Return the posts that a model can learn from: those whose label has a confidence above 0."""
    return [labelled for labelled in posts if labelled.confidence > 0]


def present_features(posts: Iterable[LabelledPost]) -> tuple[str, ...]:
    """Return those of `NUMERIC_FEATURES` that have two different values or more in the posts.

    The others are absent from a model of these posts: of a number that never differs, or is never
    there, nothing can be learned.
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
