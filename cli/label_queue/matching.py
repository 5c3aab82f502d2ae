"""Labels held against the posts that were drawn: only a label of the same id and text counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.deployment.target import Target
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import Post
from stresswatch.storage import label_queue
from stresswatch.storage.training_sets import identity_of
from stresswatch.text.wording import counted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def unmatched(target: Target, posts: Iterable[Post]) -> str | None:
    """Say how many posts of a file are none that was drawn, and why that may be.

    Returns
    -------
    str or None
        None where all of them were drawn, or the stack draws no posts.
    """
    bucket = target.outputs.get(stack_outputs.LABEL_QUEUE_BUCKET)
    if bucket is None:
        return None
    s3: S3Client = target.client("s3")
    drawn = {identity_of(queued.post) for queued in label_queue.read(s3, bucket)}
    ids = {post_id for post_id, _ in drawn}
    missing = [post for post in posts if identity_of(post) not in drawn]
    if not missing:
        return None
    changed = sum(post.post_id in ids for post in missing)
    causes = []
    if changed:
        causes.append(
            f"{counted(changed, 'text', 'texts')} changed on the way: a program cut it, or read "
            "the file in another encoding than UTF-8 (in Excel, save as 'CSV UTF-8')"
        )
    if unknown := len(missing) - changed:
        causes.append(
            f"{counted(unknown, 'post is', 'posts are')} not in the queue: the id changed, another "
            "stack drew the post, or the queue keeps it no more"
        )
    return (
        f"{counted(len(missing), 'label matches', 'labels match')} no drawn post, and what was "
        f"drawn goes on waiting. {'; '.join(causes)}."
    )
