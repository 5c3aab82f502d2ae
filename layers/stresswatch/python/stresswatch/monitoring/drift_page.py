"""A window's drift page: one small HTML file without network access.

Each compared feature has a histogram of its values beside the reference's. Drifted features come
first, in order of how far they exceed their threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stresswatch.monitoring.drift import numbers
from stresswatch.monitoring.drift_history import WindowDrift
from stresswatch.monitoring.drift_reports import compared_words, uncompared_words
from stresswatch.text.html_page import html_page
from stresswatch.text.wording import counted

_BINS = 24
_EDGES = (0.01, 0.99)
"""Quantiles that bound a histogram; the outermost bins also count the values beyond."""
_WIDTH, _HEIGHT, _AXIS = 480, 150, 22
_TESTS = {"ks": "Kolmogorov-Smirnov", "mannw": "Mann-Whitney", "t_test": "t-test"}
_DISTANCES = {
    "wasserstein": "Wasserstein distance",
    "psi": "population stability index",
    "jensenshannon": "Jensen-Shannon distance",
    "hellinger": "Hellinger distance",
}
_STYLE = (
    "h2{margin:1.5em 0 0;overflow-wrap:anywhere}p{margin:.4em 0}"
    "summary{cursor:pointer;padding:1em 0}"
    "svg{width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".reference{fill:#9aa5b1;fill-opacity:.6}.window{fill:none;stroke:#b34700;stroke-width:2}"
    ".axis{stroke:#1f2933}text{fill:#1f2933}"
)
_LEGEND = (
    "Grey area: the reference posts. Line: this window's posts. Both are shares, "
    "so different numbers of posts are comparable."
)


def drift_page(window: WindowDrift, current: pd.DataFrame, reference: pd.DataFrame) -> str:
    """Return the page of a measured window.

    Parameters
    ----------
    current, reference : DataFrame
        The compared data: rows of the archive, and of the champion's reference.
    """
    current, reference = numbers(current, window.absent), numbers(reference, window.absent)
    by_excess = sorted(
        window.features.items(), key=lambda one: -one[1]["distance"] / one[1]["threshold"]
    )
    drifted, others = (
        "".join(
            _section(name, feature, current[name], reference[name])
            for name, feature in by_excess
            if feature["drifted"] is wanted
        )
        for wanted in (True, False)
    )
    quiet = len(window.features) - len(window.drifted)
    return html_page(
        f"Drift of {window}",
        _STYLE,
        f"<h1>{counted(len(window.drifted), 'drifted feature')}</h1>"
        f"<p>{escape(str(window))}, model {escape(str(window.model_version))}: "
        f"{compared_words(window)}. {escape(uncompared_words(window))}</p><p>{_LEGEND}</p>{drifted}"
        f"<details{'' if drifted else ' open'}><summary>{counted(quiet, 'feature')} without drift"
        f"</summary>{others}</details>",
    )


def _section(
    name: str, feature: Mapping[str, Any], current: pd.Series[float], reference: pd.Series[float]
) -> str:
    before, now = (np.asarray(side.dropna(), np.float64) for side in (reference, current))
    distance = _DISTANCES.get(feature["distance_name"], feature["distance_name"])
    test = _TESTS.get(feature["test"], feature["test"])
    return (
        f"<section><h2>{escape(name)}</h2><p>{escape(distance)} {feature['distance']:.3g}; "
        f"drift threshold {feature['threshold']:g}. {escape(test)}: p = {feature['p_value']:.2g}; "
        f"significant below {feature['significance']:.2g}.</p>"
        f"{_histogram(name, before, now)}</section>"
    )


def _histogram(name: str, reference: NDArray[np.float64], current: NDArray[np.float64]) -> str:
    both = np.concatenate([reference, current])
    low, high = np.quantile(both, _EDGES)
    if low == high:
        low, high = both.min(), both.max()
    # For extremely large numbers, a difference would be infinite.
    unit = max(abs(low), abs(high)) or 1.0
    span = (low / unit, high / unit if high > low else low / unit + 1.0)
    shares = [
        np.histogram(np.clip(side / unit, *span), _BINS, span)[0] / len(side)
        for side in (reference, current)
    ]
    highest = max(share.max() for share in shares)
    area, line = (_steps(share / highest) for share in shares)
    bottom = _HEIGHT - _AXIS
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="Values of {escape(name)}">'
        f'<polygon class="reference" points="0,{bottom} {area} {_WIDTH},{bottom}"/>'
        f'<polyline class="window" points="{line}"/>'
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{bottom}" y2="{bottom}"/>'
        f'<text x="0" y="{_HEIGHT - 6}">{low:.3g}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 6}" text-anchor="end">{high:.3g}</text></svg>'
    )


def _steps(heights: NDArray[np.float64]) -> str:
    """Return the outline of bars of heights between 0 and 1."""
    wide, high = _WIDTH / _BINS, _HEIGHT - _AXIS - 4
    return " ".join(
        f"{place * wide:g},{_HEIGHT - _AXIS - height * high:.1f} "
        f"{(place + 1) * wide:g},{_HEIGHT - _AXIS - height * high:.1f}"
        for place, height in enumerate(heights.tolist())
    )
