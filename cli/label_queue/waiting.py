"""Posts of the label queue without a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from cli.console import literal
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.tables import fitted
from stresswatch.aws import stack_outputs
from stresswatch.storage import label_queue
from stresswatch.storage.label_queue import QueuedPost
from stresswatch.storage.training_sets import LABELS_PREFIX, identity_of, read_lines, valid_posts
from stresswatch.text.wording import counted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NO_SOURCE = "(none)"


class LabelQueue(NamedTuple):
    """The queue at one time, with each post once, identified by its id and text.

    Attributes
    ----------
    waiting : list of QueuedPost
        Posts without a label, in labelling order: any first part is a random subsample of the
        sampled posts.
    labelled : int
        Posts with a label.
    """

    waiting: list[QueuedPost]
    labelled: int


def read_queue(target: Target) -> LabelQueue:
    """Compare a stack's queue with the submitted labels.

    Raises
    ------
    OperatorError
        When the stack has no label queue.
    """
    bucket = target.outputs.get(stack_outputs.LABEL_QUEUE_BUCKET)
    if bucket is None:
        raise OperatorError(
            f"The stack {target.name} samples no posts for labelling. Set "
            "labelling.label_sample_share of its stage in cdk_app/settings/stages.py, and deploy."
        )
    s3: S3Client = target.client("s3")
    training = target.output(stack_outputs.TRAINING_BUCKET)
    given = {
        identity_of(labelled.post)
        for labelled in valid_posts(read_lines(s3, training, LABELS_PREFIX))
    }
    posts: dict[tuple[str, str], QueuedPost] = {}
    for queued in label_queue.read(s3, bucket):
        posts.setdefault(identity_of(queued.post), queued)
    waiting = [queued for identity, queued in posts.items() if identity not in given]
    return LabelQueue(waiting, len(posts) - len(waiting))


def as_dict(queue: LabelQueue) -> dict[str, Any]:
    """Return the number of waiting posts by day and community."""
    counts = _by_day_and_source(queue.waiting)
    return {
        "waiting": len(queue.waiting),
        "labelled": queue.labelled,
        "by_day_and_source": [
            {"day": day, "source": source, "waiting": waiting}
            for (day, source), waiting in counts.items()
        ],
    }


def show(console: Console, queue: LabelQueue) -> None:
    """Print the number of waiting posts by day and community."""
    rows = [
        [day, literal(source or _NO_SOURCE), f"{waiting:,}"]
        for (day, source), waiting in _by_day_and_source(queue.waiting).items()
    ]
    if rows:
        table = fitted(
            console,
            "Posts that wait for a label",
            ["day", "community", "posts"],
            rows,
            numbers={"posts"},
            dispensable=["day"],
        )
        console.print(table)
    console.print(
        f"{counted(len(queue.waiting), 'post waits', 'posts wait')} for a label; "
        f"{counted(queue.labelled, 'sampled post has', 'sampled posts have')} one.",
        highlight=False,
    )


def _by_day_and_source(waiting: Sequence[QueuedPost]) -> Counter[tuple[str, str | None]]:
    ordered = sorted(waiting, key=lambda queued: (queued.day, queued.post.source or ""))
    return Counter((queued.day, queued.post.source) for queued in ordered)
