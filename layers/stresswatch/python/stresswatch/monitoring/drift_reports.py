"""What people read of drift: the index of the windows' pages, links to them, and a message.

The bucket is private, so an address within it opens for nobody who only clicks: each link is signed
by whoever writes it, and ends after some hours, or with the signer's own credentials, whichever is
sooner. The index is written anew with every window, and its links are signed anew with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from html import escape

import boto3
from botocore.config import Config

from stresswatch.monitoring.drift_history import REPORTS, WindowDrift
from stresswatch.text.wording import counted

INDEX = f"{REPORTS}index.html"

# What a key of KMS encrypts is given out for signatures of version 4 alone. The host is that of the
# region: the global one redirects to it, where the signature of another host does not count.
# https://github.com/boto/boto3/issues/2989
_SIGNING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}"
    ".alarm{background:#fde7e3}"
)


@dataclass(frozen=True)
class Signer:
    """Signs links to objects of a bucket under this process's own credentials."""

    bucket: str
    hours: int

    def link(self, key: str) -> str:
        return str(
            boto3.client("s3", config=_SIGNING).generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=self.hours * 3600,
            )
        )


def compared_words(window: WindowDrift) -> str:
    """Say how many posts the figures rest on."""
    if window.compared == window.posts:
        return counted(window.posts, "post")
    if window.compared:
        return f"a sample of {window.compared:,} of {counted(window.posts, 'post')}"
    return f"{counted(window.posts, 'post')}, not compared"


def index_page(
    windows: Sequence[WindowDrift], threshold: float, link: Callable[[str], str], validity: str
) -> str:
    """Return the index of windows, newest first, as one page that needs no network."""
    rows = "".join(_index_row(window, threshold, link) for window in reversed(windows))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Drift by window</title>'
        f"<style>{_STYLE}</style><h1>Drift by window</h1>"
        f"<p>The last {counted(len(windows), 'window')}, newest first. Those with a share of "
        f"{threshold:.2f} or more are marked. {escape(validity)}</p>"
        "<table><tr><th>window, UTC<th>model<th>posts<th>share<th>drifted<th>not compared<th>page"
        f"{rows}</table></html>\n"
    )


def labelling_advice(window: WindowDrift, stage: str, *, draws_posts: bool) -> str:
    """Say which posts to label after a window that drifted, and how.

    Whole days, as the stress rate weights the labels of a day by how many of its posts have one.
    """
    day = window.window.start.astimezone(UTC).date()
    submission = f"  stresswatch label FILE --stage {stage}"
    if draws_posts:
        return (
            f"Label the posts that were drawn since {day}, so that the next retraining learns what "
            "is new. Export them, and submit the annotators' FILE:\n\n"
            "  stresswatch queue export --format label-studio --blind "
            f"--from {day} --output tasks.json --stage {stage}\n{submission}"
        )
    return (
        "Label posts of these days, so that the next retraining learns what is new. This stage "
        "draws no posts: set its labelling.label_sample_share in cdk_app/settings/stages.py, and "
        f"deploy. Until then, choose posts since {day} by lot, and submit them with their labels "
        f"as a FILE:\n\n{submission}"
    )


def message(window: WindowDrift, page: str, index: str, validity: str, advice: str) -> str:
    """Tell people of a window that drifted, and what to do."""
    drifted = "\n".join(
        f"- {name}: {column['distance_name']} {column['distance']:.2f}, "
        f"{column['test']} p = {column['p_value']:.1g}"
        for name, column in window.drifted.items()
    )
    return (
        f"The posts of {window} have moved from what {window.model_version} was measured on: "
        f"{compared_words(window)}, share {window.share:.2f}.\n\n{drifted}\n\n"
        f"{uncompared_words(window)}\n\n{advice}\n\nThe window's page: {page}\n\n"
        f"All windows: {index}\n\n{validity} Runbook: docs/runbooks/drift.md\n"
    )


def _index_row(window: WindowDrift, threshold: float, link: Callable[[str], str]) -> str:
    cells = [
        str(window),
        window.model_version or "",
        compared_words(window),
        window.status if window.share is None else f"{window.share:.2f}",
        ", ".join(window.drifted),
        "; ".join(f"{name}: {why}" for name, why in window.failed.items()),
    ]
    page = ""
    if window.page:
        page = f'<a href="{escape(link(window.page))}">page</a>'
    style = ' class="alarm"' if (window.share or 0.0) >= threshold else ""
    return f"<tr{style}>" + "".join(f"<td>{escape(cell)}" for cell in cells) + f"<td>{page}"


def uncompared_words(window: WindowDrift) -> str:
    """Say which columns have no figure, and why."""
    reasons = [f"{name}, as {why}" for name, why in window.failed.items()]
    if window.absent:
        reasons.append(f"{', '.join(window.absent)}, as the model was trained without them")
    if window.removed:
        reasons.append(f"{', '.join(window.removed)}, as posts have them no more")
    return f"Not compared: {'; '.join(reasons)}." if reasons else "Every column was compared."
