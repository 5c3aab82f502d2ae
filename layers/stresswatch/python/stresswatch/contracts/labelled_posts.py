"""The labelled post: a post with the annotators' label, in data sets and label files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stresswatch.contracts.posts import (
    InvalidPost,
    Post,
    decode,
    post_record,
    read_number,
    read_object,
    read_post,
    read_time_field,
)
from stresswatch.task.definition import TASK

COLUMNS = (TASK.fields.id, "label", "labelled_at")
"""The fields of a label for queries, without the post's text."""


@dataclass(frozen=True, slots=True)
class LabelledPost:
    """A post with the annotators' label: 1 for the positive class, 0 for the negative one.

    Attributes
    ----------
    confidence : float
        The annotators' confidence, from 0 to 1: the post's weight in training. A label with
        confidence 0 counts only in evaluation.
    """

    post: Post
    label: int
    labelled_at: str | None = None
    confidence: float = 1.0


def parse_labelled_post(data: bytes) -> LabelledPost:
    """Read one line of ``labels/`` or of a data set: a post with ``label`` 0 or 1.

    Raises
    ------
    InvalidPost
        When the post or the label breaks the contract.
    """
    return parse_record(decode(data))


def parse_record(line: object) -> LabelledPost:
    """Read a labelled post from decoded JSON; see `parse_labelled_post`."""
    record = read_object(line)
    label = record.get("label")
    if isinstance(label, bool) or not isinstance(label, int) or label not in (0, 1):
        raise InvalidPost("label_invalid", "label must be the number 0 or 1")
    confidence = 1.0 if record.get("confidence") is None else read_number(record, "confidence")
    if not 0 <= confidence <= 1:
        raise InvalidPost("confidence_invalid", "confidence must be from 0 to 1")
    return LabelledPost(
        read_post(record), label, read_time_field(record, "labelled_at"), confidence
    )


def labelled_post_record(labelled: LabelledPost) -> dict[str, Any]:
    """Return the labelled post as the JSON object that `parse_labelled_post` reads."""
    record = post_record(labelled.post) | {"label": labelled.label}
    if labelled.labelled_at is not None:
        record["labelled_at"] = labelled.labelled_at
    if labelled.confidence != 1:
        record["confidence"] = labelled.confidence
    return record
