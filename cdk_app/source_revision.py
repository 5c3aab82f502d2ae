"""The deployed commit."""

from __future__ import annotations

import subprocess

from cdk_app.bundling import PROJECT


def code_commit() -> str:
    """Return the commit of the deployed code; ``unknown`` outside a git checkout."""
    done = subprocess.run(
        ["git", "-C", str(PROJECT), "rev-parse", "HEAD"],  # noqa: S607 - the developer's own git
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
