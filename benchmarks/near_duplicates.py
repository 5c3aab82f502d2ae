"""How many posts are nearly the text of another, and on which side of the split each is.

``python -m benchmarks.near_duplicates [--json]`` compares every pair of the posts at hand by the
Jaccard similarity of their sets of word 3-grams (Broder, 1997), exactly: posts are rows of a sparse
matrix, whose product with itself counts what two of them share. Synthetic posts are measured too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from cli.data import SEED, load_posts, synthetic
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.evaluation.splits import groups, split, wording

SIMILARITIES = (0.5, 0.7, 0.8, 0.9, 1.0)
WORDS = 3
_ROWS = 500

Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    arguments = parser.parse_args()
    at_hand = load_posts()
    made = synthetic.generate_posts(SEED)
    data = {at_hand.name: at_hand.posts, f"synthetic posts, {len(made):,} of seed {SEED}": made}
    result = {name: count(posts) for name, posts in data.items()}
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
    else:
        _show(result)


def count(posts: Sequence[LabelledPost]) -> list[dict[str, Any]]:
    """Count the pairs of posts at least as similar as each of `SIMILARITIES`.

    Returns
    -------
    list of dict
        For each similarity: ``pairs`` of different ids, those of them that `groups` does not join
        (``apart``), and those of which one post is for evaluation and one is learned from
        (``across``).
    """
    first, second, similarity = _similar(posts, SIMILARITIES[0])
    id_ = np.array([one.post.post_id for one in posts])
    group = np.array(groups(posts))
    held_out = {id(one) for one in split(posts).evaluation}
    is_held_out = np.array([id(one) in held_out for one in posts])
    is_of_two = id_[first] != id_[second]
    is_apart = group[first] != group[second]
    is_across = is_held_out[first] != is_held_out[second]
    return [
        {
            "similarity": least,
            "pairs": int((reached & is_of_two).sum()),
            "apart": int((reached & is_apart).sum()),
            "across": int((reached & is_across).sum()),
        }
        for least in SIMILARITIES
        for reached in (similarity >= least - 1e-9,)
    ]


def _similar(posts: Sequence[LabelledPost], least: float) -> Pairs:
    """Return the rows of every pair of posts of at least a similarity, and how similar they are."""
    # Shorter texts than a shingle are their own.
    shingles = CountVectorizer(analyzer=_shingles, binary=True, dtype=np.int64)
    has = sparse.csr_matrix(shingles.fit_transform([one.post.text for one in posts]))
    size = np.asarray(has.sum(axis=1)).ravel()
    found = []
    for start in range(0, len(posts), _ROWS):
        shared = sparse.coo_matrix(has[start : start + _ROWS] @ has.T)
        rows, columns = shared.row + start, shared.col
        similarity = shared.data / (size[rows] + size[columns] - shared.data)
        kept = (rows < columns) & (similarity >= least)
        found.append((rows[kept], columns[kept], similarity[kept]))
    first, second, similarity = (np.concatenate(part) for part in zip(*found, strict=True))
    return first, second, similarity


def _shingles(text: str) -> list[str]:
    words = wording(text).split()
    return [" ".join(words[at : at + WORDS]) for at in range(max(1, len(words) - WORDS + 1))]


def _show(result: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in result.items():
        table = Table(title=name, title_justify="left")
        for column in ("similarity", "pairs of two ids", "not joined", "across the split"):
            table.add_column(column, justify="right")
        for row in rows:
            table.add_row(f"{row['similarity']:.1f}", *(f"{row[one]:,}" for one in list(row)[1:]))
        Console().print(table)


if __name__ == "__main__":
    main()
