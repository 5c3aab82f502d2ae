"""Compare labels with the sampled posts: a label counts only for the same id and text."""

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
    """Count the posts of a file that were not sampled, and name likely causes.

    Returns
    -------
    str or None
        None where all were sampled, or the stack samples no posts.
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
            f"{counted(changed, 'text', 'texts')} changed in between: a program cut it, or read "
            "the file in another encoding than UTF-8 (in Excel, save as 'CSV UTF-8')"
        )
    if unknown := len(missing) - changed:
        causes.append(
            f"{counted(unknown, 'post is', 'posts are')} not in the queue: the id changed, another "
            "stack sampled the post, or the post has expired"
        )
    return (
        f"{counted(len(missing), 'label matches', 'labels match')} no sampled post, so these "
        f"posts still wait. {'; '.join(causes)}."
    )
