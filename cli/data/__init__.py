"""Labelled posts at hand: the real ones where they are, synthetic ones elsewhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cli.data import dreaddit, synthetic
from cli.errors import OperatorError
from stresswatch.posts import InvalidPost, LabelledPost, parse_labelled_post

SEED = 7


@dataclass(frozen=True)
class DataSet:
    """Posts, and a name that says what they are."""

    name: str
    posts: list[LabelledPost]


def data_directory() -> Path:
    """Give the folder of the real posts: ``STRESSWATCH_DATA_DIR``, or ``data/dreaddit``."""
    return Path(os.environ.get("STRESSWATCH_DATA_DIR") or "data/dreaddit")


def load_posts() -> DataSet:
    """Load Dreaddit's training split where it is; generate synthetic posts elsewhere.

    Raises
    ------
    OperatorError
        When the file is there and cannot be read.
    """
    path = data_directory() / dreaddit.TRAIN_FILE
    if path.exists():
        posts = dreaddit.read_csv(path)
        return DataSet(f"Dreaddit, {len(posts):,} real posts", posts)
    posts = synthetic.generate_posts(SEED)
    return DataSet(f"synthetic posts, {len(posts):,} of seed {SEED}", posts)


def read_posts(path: Path) -> list[LabelledPost]:
    """Read a file of labelled posts: a CSV as Dreaddit's, or JSON Lines.

    Raises
    ------
    OperatorError
        When the file cannot be read, has no post, or has one that breaks the contract.
    """
    if path.suffix.lower() == ".csv":
        return dreaddit.read_csv(path)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from error
    posts = [
        _labelled_post(line, f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not posts:
        raise OperatorError(f"{path} holds no post.")
    return posts


def _labelled_post(line: bytes, place: str) -> LabelledPost:
    try:
        return parse_labelled_post(line)
    except InvalidPost as error:
        raise OperatorError(f"{place}: {error.detail}.") from error
