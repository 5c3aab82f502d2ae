"""The model card: the purpose, quality and limits of a version.

It is generated from the manifest and the curves alone, so every value in it was measured in
training. The format follows Mitchell et al. (2019), https://doi.org/10.1145/3287560.3287596.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup

from stresswatch.aws.identifiers import printable
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.evaluation.metrics import METRICS
from stresswatch.task.definition import TASK
from stresswatch.versions.model_version import CARD_FILE, CARD_PAGE_FILE, Manifest
from training_jobs.model.evaluation import CURVES

_POSITIVE = TASK.label.name(1)
MEANINGS = {
    "accuracy": ("Accuracy", "share of posts classified correctly"),
    "precision": ("Precision", f"share of truly {_POSITIVE} posts among those classified so"),
    "recall": ("Recall", f"share of {_POSITIVE} posts classified so"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "roc_auc": (
        "ROC-AUC",
        f"probability that a {_POSITIVE} post scores higher than another post",
    ),
    "brier": ("Brier score", "mean squared error of the probability; lower is better"),
    "calibration_error": (
        "Calibration error",
        "mean gap between predicted probability and observed share; lower is better",
    ),
}
FEWEST_POSTS = 50
"""A slice with fewer posts is marked, because its metrics are mostly noise."""
TOO_FEW_POSTS = 20
"""A slice with fewer posts has no metrics in the card: five posts may have an F1 of 1."""

_MARKDOWN_SIGNS = re.compile(r"([\\`*_\[\]<>|&])")
_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=jinja2.select_autoescape(["html.j2"]),  # Markdown escapes by its own rules
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def model_card(manifest: Manifest, curves: Mapping[str, bytes]) -> dict[str, bytes]:
    """Write the card as Markdown and as a page without network access; return both by file name.

    Parameters
    ----------
    manifest : Manifest
        Its file digests are unused, because the card's own digest is not known yet.
    curves : mapping of str to bytes
        PNG files by the names of `CURVES`; the page shows them.
    """
    text = _markdown(manifest, {})
    # No embedded HTML, which "commonmark" would allow: community names are untrusted.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    page = _templates.get_template("model_card.html.j2").render(
        version=manifest.version,
        body=Markup(parser.render(_markdown(manifest, curves))),  # noqa: S704 - it is escaped
    )
    return {CARD_FILE: text.encode(), CARD_PAGE_FILE: page.encode()}


def _markdown(manifest: Manifest, curves: Mapping[str, bytes]) -> str:
    return _templates.get_template("model_card.md.j2").render(
        manifest=manifest,
        overall=manifest.metrics["overall"],
        slices=manifest.metrics["slices"],
        metrics={name: MEANINGS[name] for name in METRICS},
        present_features=[
            name for name in NUMERIC_FEATURES if name not in manifest.absent_features
        ],
        task=TASK,
        fewest_posts=FEWEST_POSTS,
        too_few_posts=TOO_FEW_POSTS,
        curves={
            CURVES[name]: base64.b64encode(picture).decode() for name, picture in curves.items()
        },
    )


def _plain(text: object) -> str:
    """Escape others' text, such as a community's name, so that Markdown shows it unchanged."""
    return _MARKDOWN_SIGNS.sub(r"\\\1", _on_one_line(str(text)))


def _on_one_line(text: str) -> str:
    return printable(" ".join(text.split()) or text)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(quality: Mapping[str, Mapping[str, tuple[float, float]]], name: str) -> str:
    if name not in quality["intervals"]:
        return "-"
    low, high = quality["intervals"][name]
    return f"{low:.3f} to {high:.3f}"


_templates.filters |= {"plain": _plain, "figure": _figure, "interval": _interval}
