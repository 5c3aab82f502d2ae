"""Drift reports for people: an index of window pages, signed links, and a notification.

The bucket is private, so each link is signed with the writing function's credentials. It expires
after some hours, or earlier with the credentials. Each window rewrites the index with new links.
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

# Objects encrypted with KMS need version 4 signatures, which are valid for one host. It is the
# region's: the global one redirects there, where its own signature is invalid.
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
    """Signs links to a bucket's objects with this process's credentials."""

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
    """Return the number of posts behind the metrics, in words."""
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
    """Return instructions for labelling posts after a window that drifted.

    It names whole days, because the rate weights a day's labels by its share of labelled
    posts.
    """
    day = window.window.start.astimezone(UTC).date()
    submission = f"  stresswatch label FILE --stage {stage}"
    if draws_posts:
        return (
            f"Label the posts sampled since {day}, so that the next retraining learns from "
            "them. Export them, and submit the annotators' FILE:\n\n"
            "  stresswatch queue export --format label-studio --blind "
            f"--from {day} --output tasks.json --stage {stage}\n{submission}"
        )
    return (
        "Label posts from these days, so that the next retraining learns from them. This stage "
        "samples no posts: set its labelling.label_sample_share in cdk_app/settings/stages.py, and "
        f"deploy. Until then, choose posts since {day} at random, and submit them with their "
        f"labels as a FILE:\n\n{submission}"
    )


def message(window: WindowDrift, page: str, index: str, validity: str, advice: str) -> str:
    """Return the notification about a window that drifted, with instructions."""
    drifted = "\n".join(
        f"- {name}: {feature['distance_name']} {feature['distance']:.2f}, "
        f"{feature['test']} p = {feature['p_value']:.1g}"
        for name, feature in window.drifted.items()
    )
    return (
        f"The posts of {window} differ from the reference of {window.model_version}: "
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
    """Return the features that were not compared, with the reasons, in words."""
    reasons = [f"{name} ({why})" for name, why in window.failed.items()]
    if window.absent:
        reasons.append(f"{', '.join(window.absent)} (the model was trained without them)")
    if window.removed:
        reasons.append(f"{', '.join(window.removed)} (posts no longer have them)")
    return f"Not compared: {'; '.join(reasons)}." if reasons else "All features were compared."
