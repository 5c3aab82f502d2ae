"""Write labelled posts as a file for `PostFile`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cli.post_files.values import label_in_files
from stresswatch.contracts.labelled_posts import LabelledPost, labelled_post_record


def file_lines(posts: Iterable[LabelledPost]) -> bytes:
    """Return labelled posts as JSON Lines, with labels as the task's files have them."""
    records = (labelled_post_record(post) | {"label": label_in_files(post.label)} for post in posts)
    return "".join(json.dumps(record) + "\n" for record in records).encode()
