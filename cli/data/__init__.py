"""Labelled posts: real ones if available, otherwise synthetic."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.data import dreaddit, synthetic
from cli.post_files import CheckedPosts, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost

SEED = 7


@dataclass(frozen=True)
class DataSet:
    """Posts, and a name that says what they are.

    Attributes
    ----------
    newcomers : tuple of str
        Communities for a story of posts that change: a model of the others is worse on them.
    """

    name: str
    posts: list[LabelledPost]
    newcomers: tuple[str, ...]


def data_directory() -> Path:
    """Return the folder of the real posts: ``STRESSWATCH_DATA_DIR``, or ``data/dreaddit``."""
    return Path(os.environ.get("STRESSWATCH_DATA_DIR") or "data/dreaddit")


def load_posts() -> DataSet:
    """Load Dreaddit's training split where it is, for its task; else generate synthetic posts.

    Raises
    ------
    OperatorError
        When the file is there and cannot be read.
    """
    path = data_directory() / dreaddit.TRAIN_FILE
    if synthetic.IS_STRESS and path.exists():
        posts = read_posts(path)
        return DataSet(f"Dreaddit, {len(posts):,} real posts", posts, dreaddit.NEWCOMERS)
    posts = synthetic.generate_posts(SEED)
    return DataSet(f"synthetic posts, {len(posts):,} of seed {SEED}", posts, synthetic.NEWCOMERS)


def read_posts(path: Path) -> list[LabelledPost]:
    """Read a file of labelled posts into memory: of any format that `seed` reads.

    Raises
    ------
    OperatorError
        When the file cannot be read, has no post, or has one that breaks the contract.
    """
    return list(CheckedPosts(path, Wanted.BASE_DATA, Console(quiet=True)))
