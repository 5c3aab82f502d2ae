"""How many labels meet the prediction of their post, by id alone and by id and digest of the text.

``python -m benchmarks.joining [--json]`` streams and labels each of the posts at hand once:
Dreaddit where ``STRESSWATCH_DATA_DIR`` holds it, synthetic ones elsewhere. Segments of a long post
share its id. By id alone is how rows of releases without digests are joined.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from cli.data import load_posts
from stresswatch.contracts.identity import KEY_LENGTH, text_digest
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.monitoring.live_quality import Row, join, newest_labels
from stresswatch.storage.training_sets import given_by, to_lines

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = b"k" * KEY_LENGTH


def main() -> None:
    """Run the benchmark, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    arguments = parser.parse_args()
    data = load_posts()
    result = {"data": data.name, **measure(data.posts)}
    if arguments.json:
        json.dump(result, sys.stdout, indent=2)
        return
    console = Console()
    console.print(f"{result['data']}: {result['labels']:,} labels of {result['ids']:,} ids")
    for name in ("by id alone", "by id and text"):
        console.print(
            f"{name}: {result[name]:,} are joined ({result[name] / result['labels']:.1%})"
        )


def measure(posts: Sequence[LabelledPost]) -> dict[str, Any]:
    """Join the labels of posts to rows with and without digests."""
    labels = newest_labels(to_lines(given_by(posts, _NOW)).splitlines(), _KEY)
    rows = [_row(labelled) for labelled in posts]
    without = [{**row, "text_digest": None} for row in rows]
    return {
        "labels": len(labels.by_post),
        "ids": len(labels.texts),
        "by id alone": len(join(labels, without).rows),
        "by id and text": len(join(labels, rows).rows),
    }


def _row(labelled: LabelledPost) -> Row:
    post = labelled.post
    return {
        "post_id": post.post_id,
        "text_length": len(post.text),
        "text_digest": text_digest(_KEY, post.text),
    }


if __name__ == "__main__":
    main()
