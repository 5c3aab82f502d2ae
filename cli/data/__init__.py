"""Labelled posts: real ones if available, otherwise synthetic."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.data import synthetic
from cli.data.stress import dreaddit
from cli.post_files import CheckedPosts, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost

SEED = 7


@dataclass(frozen=True)
class DataSet:
    """Posts and their description.

    Attributes
    ----------
    newcomers : tuple of str
        Communities for the demo of drift: a model trained on the others is worse on them.
    """

    name: str
    posts: list[LabelledPost]
    newcomers: tuple[str, ...]


def data_directory() -> Path:
    """Return the folder of the real posts: ``STRESSWATCH_DATA_DIR``, or ``data/dreaddit``."""
    return Path(os.environ.get("STRESSWATCH_DATA_DIR") or "data/dreaddit")


def load_posts() -> DataSet:
    """Load Dreaddit's training split if it is present and fits the task; else generate posts.

    Raises
    ------
    OperatorError
        When the file exists and cannot be read.
    """
    path = data_directory() / dreaddit.TRAIN_FILE
    if synthetic.HAS_OWN_POSTS and path.exists():
        posts = read_posts(path)
        return DataSet(f"Dreaddit, {len(posts):,} real posts", posts, dreaddit.NEWCOMERS)
    posts = synthetic.generate_posts(SEED)
    return DataSet(f"synthetic posts, {len(posts):,} of seed {SEED}", posts, synthetic.NEWCOMERS)


def read_posts(path: Path) -> list[LabelledPost]:
    """Read a file of labelled posts into memory, in any format of `seed`.

    Raises
    ------
    OperatorError
        When the file cannot be read, is empty, or has an invalid post.
    """
    return list(CheckedPosts(path, Wanted.BASE_DATA, Console(quiet=True)))
