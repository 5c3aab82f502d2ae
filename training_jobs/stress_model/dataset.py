"""Read the labelled posts of a training channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresswatch.posts import NUMERIC_FEATURES, InvalidPost, LabelledPost, parse_labelled_post
from stresswatch.splits import is_evaluation_post


class UnusableDataSet(ValueError):
    """No model can be trained on this data set; the message says why in one sentence."""


@dataclass(frozen=True)
class DataSet:
    """Labelled posts, split for training and evaluation.

    Attributes
    ----------
    invalid : int
        Lines that broke the contract, and were left out.
    """

    train: list[LabelledPost]
    evaluation: list[LabelledPost]
    invalid: int


def read_dataset(channel: Path) -> DataSet:
    """Read every ``*.jsonl`` file of a channel, and split its posts by `post_id`.

    The order of files and of lines does not matter: the same posts give the same model.

    Raises
    ------
    UnusableDataSet
        When there is no line, no valid one, a column without any value, or a split that is empty
        or of one class.
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
    _require_columns(posts)
    splits = DataSet(
        train=[post for post in posts if not is_evaluation_post(post.post.post_id)],
        evaluation=[post for post in posts if is_evaluation_post(post.post.post_id)],
        invalid=len(rejections),
    )
    for name, split in (("training", splits.train), ("evaluation", splits.evaluation)):
        classes = {post.label for post in split}
        if len(classes) < 2:
            found = f"only the label {classes.pop()}" if classes else "no post"
            raise UnusableDataSet(
                f"The data set has one class or too few posts: its {name} split of "
                f"{len(split)} posts has {found}."
            )
    return splits


def frame(posts: Iterable[LabelledPost]) -> pd.DataFrame:
    """Give posts as the pipeline's input: columns ``text`` and `NUMERIC_FEATURES`."""
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


def _require_columns(posts: list[LabelledPost]) -> None:
    values = frame(posts)
    if missing := [name for name in NUMERIC_FEATURES if values[name].isna().all()]:
        raise UnusableDataSet(
            f"The data set lacks the column {', '.join(missing)}: no row has a value."
        )
