"""Submit labels from a file, for live quality and retraining."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import typer
from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.label_queue import label_studio
from cli.label_queue.exports import LABEL
from cli.label_queue.matching import unmatched
from cli.label_queue.ratings import Consensus, Rating, consensus
from cli.post_files import CheckedPosts, PostFile, Wanted, check_only
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import Post, post_record
from stresswatch.evaluation.agreement import reading_of
from stresswatch.text.wording import counted

LABELS_AN_OBJECT = 5_000


def submit(console: Console, deployment: DeploymentClient, path: Path) -> None:
    """Check a file of labelled posts, and submit it in objects of some thousand labels.

    In an export of the label queue, or of Label Studio, a post may have several annotators. Their
    majority is submitted.

    Raises
    ------
    FileRefused
        When a row of the file has no valid label; nothing is submitted then.
    OperatorError
        When the file for ties exists already; nothing is submitted then.
    """
    exported = label_studio.read(path)
    if exported is not None:
        found = consensus(exported.ratings)
        _submit_consensus(console, deployment, path, found)
        if exported.is_from_queue:
            compare(console, deployment.target, found.posts)
        return
    posts = CheckedPosts(path, Wanted.LABELS, console)
    if posts.is_from_queue:
        found = consensus(map(Rating, posts))
        _submit_consensus(console, deployment, path, found)
        compare(console, deployment.target, found.posts)
    else:
        _send(console, deployment, posts, len(posts))
    posts.report.show(console)


def check(console: Console, path: Path, target: Target | None, *, as_json: bool) -> None:
    """Print a report about a file; `console` takes the parts for people.

    Parameters
    ----------
    target
        The stack whose sampled posts are compared with an export, if any.

    Raises
    ------
    FileRefused
        When `submit` would refuse the file.
    """
    exported = label_studio.read(path)
    if exported is None:
        check_only(path, Wanted.LABELS, console, as_json=as_json)
        file = PostFile(path, Wanted.LABELS)
        if not file.is_from_queue:
            return
        found = consensus(map(Rating, file.labelled_posts()))
        report(console, found)
        is_from_queue = True
    else:
        found = consensus(exported.ratings)
        has_label = counted(len(found.labels), "post has a label", "posts have a label")
        _say(console, f"{path} is an export of Label Studio: {has_label}.")
        report(console, found)
        if as_json:
            typer.echo(json.dumps(as_dict(found)))
        is_from_queue = exported.is_from_queue
    if target and is_from_queue:
        compare(console, target, found.posts)


def compare(console: Console, target: Target, posts: Iterable[Post]) -> None:
    """Print how many posts of an export the stack did not sample, if any."""
    if said := unmatched(target, posts):
        _say(console, said, style="yellow")


def report(console: Console, found: Consensus) -> None:
    """Print the numbers of labels and ties, and the annotators' agreement."""
    if found.rated_by_several:
        several = counted(
            found.rated_by_several,
            "post has several annotators: its",
            "posts have several annotators: their",
        )
        _say(
            console,
            f"{several} majority is the label, and the share that agrees is the confidence.",
        )
    if found.alpha is not None:
        _say(console, f"Krippendorff's alpha is {found.alpha:.3f}: {reading_of(found.alpha)}.")
    if found.ties:
        _say(
            console,
            f"{counted(len(found.ties), 'post is a tie', 'posts are ties')} of the annotators.",
        )


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
    file = path.with_name(f"{path.stem}.ties.jsonl")
    if found.ties and file.exists():
        raise OperatorError(
            f"{file}, for the ties of {path}, exists already, perhaps with new labels: "
            "submit it with `stresswatch label`, move it away, and try again. Nothing from "
            f"{path} was submitted."
        )
    report(console, found)
    if found.ties:
        records = ({"prediction_id": None, **post_record(tie), LABEL: None} for tie in found.ties)
        file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        _say(
            console,
            f"Ties are in {file}, and were not submitted: let another annotator fill in {LABEL}.",
        )
    _send(console, deployment, found.labels, len(found.labels))


def _say(console: Console, sentence: str, style: str | None = None) -> None:
    console.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)


def _send(
    console: Console, deployment: DeploymentClient, labels: Iterable[LabelledPost], count: int
) -> None:
    left = iter(labels)
    while part := list(itertools.islice(left, LABELS_AN_OBJECT)):
        deployment.label(part)
    _say(
        console,
        f"{counted(count, 'label')} submitted. `stresswatch measure` matches them with "
        "predictions, by id and text, and counts those without one.",
    )
