"""Test that a deployed stage predicts: send posts, and wait for their predictions."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from cli.data import synthetic
from cli.deployment.client import DeploymentClient, payload
from cli.deployment.consumer import Consumer
from cli.deployment.target import Target
from cli.errors import OperatorError
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import SMOKE_PREFIX

POSTS = 100
SOURCE = "smoke"
_PAUSE_SECONDS = 0.5
"""Seconds between two reads: a shard allows five per second for all its readers."""
_NAMED = 5


@dataclass(frozen=True)
class SmokeResult:
    """The result of a smoke test.

    Attributes
    ----------
    sent : int
        Number of posts that the stream took.
    missing : sequence of str
        Ids of posts without a prediction in time.
    versions : mapping of str to int
        Number of predicted posts by model version.
    seconds : float
        Seconds from the first sent post to the end of the wait.
    """

    sent: int
    missing: Sequence[str]
    versions: Mapping[str, int]
    seconds: float

    def summary(self) -> str:
        """Return the result in one or two sentences."""
        by = ", ".join(f"{posts} by {version}" for version, posts in sorted(self.versions.items()))
        text = f"{self.sent - len(self.missing)} of {self.sent} posts were predicted"
        text += f" within {self.seconds:.1f} s" + (f": {by}." if by else ".")
        if self.missing:
            named = ", ".join(self.missing[:_NAMED])
            more = len(self.missing) - _NAMED
            text += f" Missing: {named}" + (f" and {more} more." if more > 0 else ".")
            text += " `stresswatch status` shows the alarms and the quarantine."
        return text


def smoke(console: Console, target: Target, seconds: float) -> bool:
    """Send posts, wait for their predictions, and print the result; return whether all arrived.

    Raises
    ------
    OperatorError
        When no model serves yet, or the stream does not take the posts.
    """
    deployment = DeploymentClient(target)
    if deployment.champion() is None:
        raise OperatorError(
            f"No model serves in {target.name} yet, so no post can be predicted; make the first "
            "one with `stresswatch seed` and `stresswatch retrain`, then try again."
        )
    posts = smoke_posts(uuid.uuid4().hex[:8])
    with console.status(f"Waiting for the predictions of {len(posts)} posts"):
        result = send_and_wait(deployment, posts, seconds)
    console.print(result.summary(), markup=False, highlight=False, soft_wrap=True)
    return not result.missing


def smoke_posts(run: str) -> list[LabelledPost]:
    """Return synthetic posts whose ids name the smoke test's run."""
    return [
        replace(
            labelled,
            post=labelled.post._replace(post_id=f"{SMOKE_PREFIX}{run}-{number:03}", source=SOURCE),
        )
        for number, labelled in enumerate(synthetic.generate_posts()[:POSTS])
    ]


def send_and_wait(
    deployment: DeploymentClient, posts: Sequence[LabelledPost], seconds: float
) -> SmokeResult:
    """Send posts, and read the predictions stream until all have arrived or time is up."""
    consumer = Consumer(deployment.target, from_now=True)
    consumer.poll()  # the consumer starts here, so it misses nothing
    started = time.monotonic()
    ids = deployment.send([payload(labelled) for labelled in posts])
    waiting = dict(zip(ids, (labelled.post.post_id for labelled in posts), strict=True))
    while waiting.keys() - consumer.predictions.keys():
        if not consumer.poll():
            if time.monotonic() - started > seconds:
                break
            time.sleep(_PAUSE_SECONDS)
    found = waiting.keys() & consumer.predictions.keys()
    return SmokeResult(
        sent=len(posts),
        missing=[post_id for id_, post_id in waiting.items() if id_ not in found],
        versions=Counter(consumer.predictions[id_]["model_version"] for id_ in found),
        seconds=time.monotonic() - started,
    )
