"""Labels of posts, from a file to where live quality and retrainings find them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.label_queue import label_studio
from cli.label_queue.exports import LABEL
from cli.label_queue.ratings import Consensus, Rating, consensus
from cli.post_files import CheckedPosts, Wanted
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import post_record
from stresswatch.evaluation.agreement import reading_of
from stresswatch.text.wording import counted

LABELS_AN_OBJECT = 5_000


def submit(console: Console, deployment: DeploymentClient, path: Path) -> None:
    """Check a file of labelled posts, and submit them, some thousands an object.

    In an export of the label queue, or of Label Studio, a post may have several annotators: their
    majority is submitted.

    Raises
    ------
    FileRefused
        When a row of the file has no label that is understood; nothing is submitted then.
    """
    ratings = label_studio.read(path)
    if ratings is not None:
        _submit_consensus(console, deployment, path, consensus(ratings))
        return
    posts = CheckedPosts(path, Wanted.LABELS, console)
    if posts.is_from_queue:
        _submit_consensus(console, deployment, path, consensus(map(Rating, posts)))
    else:
        _send(console, deployment, posts, len(posts))
    posts.report.show(console)


def report(console: Console, found: Consensus) -> None:
    """Print how many posts have a label, how many tie, and how far annotators agree."""

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    if found.rated_by_several:
        several = counted(
            found.rated_by_several,
            "post has several annotators: its",
            "posts have several annotators: their",
        )
        say(f"{several} majority is the label, and the share that agrees is the confidence.")
    if found.alpha is not None:
        say(f"Krippendorff's alpha is {found.alpha:.3f}: {reading_of(found.alpha)}.")
    if found.ties:
        say(f"{counted(len(found.ties), 'post is a tie', 'posts are ties')} of the annotators.")


def as_dict(found: Consensus) -> dict[str, object]:
    """Return what `report` prints."""
    return {
        "posts": len(found.labels),
        "ties": len(found.ties),
        "rated_by_several": found.rated_by_several,
        "alpha": found.alpha,
    }


def _submit_consensus(
    console: Console, deployment: DeploymentClient, path: Path, found: Consensus
) -> None:
    report(console, found)
    if found.ties:
        file = path.with_name(f"{path.stem}.ties.jsonl")
        records = ({"prediction_id": None, **post_record(tie), LABEL: None} for tie in found.ties)
        file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        console.print(
            f"Ties are in {file}, and were not submitted: let somebody else fill in {LABEL}.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    _send(console, deployment, found.labels, len(found.labels))


def _send(
    console: Console, deployment: DeploymentClient, labels: Iterable[LabelledPost], count: int
) -> None:
    left = iter(labels)
    while part := list(itertools.islice(left, LABELS_AN_OBJECT)):
        deployment.label(part)
    console.print(f"{counted(count, 'label')} submitted.")
