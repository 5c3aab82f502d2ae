"""The look of charts in the documentation, as SVG or PNG."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, RED, GREEN = "#0072b2", "#d55e00", "#009e73"
"""Safe for colour-blind readers (Okabe and Ito, 2008)."""


def charts(number: int, inches: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure of a width and height, with a number of charts side by side."""
    figure = Figure(figsize=inches, layout="constrained")
    axes = figure.subplots(1, number, squeeze=False)[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def save(figure: Figure, path: Path) -> None:
    """Write the same bytes for the same figure."""
    with mpl.rc_context({"svg.hashsalt": "stresswatch"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
