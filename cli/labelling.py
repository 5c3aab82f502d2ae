"""Labels of posts, from a file to where live quality and retrainings find them."""

from __future__ import annotations

import itertools
from pathlib import Path

from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.post_files import CheckedPosts, Wanted
from stresswatch.text.wording import counted

LABELS_AN_OBJECT = 5_000


def submit(console: Console, deployment: DeploymentClient, path: Path) -> None:
    """Check a file of labelled posts, and submit them, some thousands an object.

    Raises
    ------
    FileRefused
        When a row of the file has no label that is understood; nothing is submitted then.
    """
    posts = CheckedPosts(path, Wanted.LABELS, console)
    left = iter(posts)
    while part := list(itertools.islice(left, LABELS_AN_OBJECT)):
        deployment.label(part)
    console.print(f"{counted(len(posts), 'label')} submitted.")
    posts.report.show(console)
