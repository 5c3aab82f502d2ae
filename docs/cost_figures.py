"""Write the cost estimates into page, picture and README: ``python -m docs.cost_figures``."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import numpy as np
from matplotlib.ticker import StrMethodFormatter
from rich.console import Console

from benchmarks import pictures
from cli.cost import stage_cost
from cli.cost.estimate import total
from cli.cost.items import Load
from cli.cost.measured import Measured, shipped
from cli.cost.report import CostReport, posts_in_words
from cli.cost.template import PricedStage
from docs.written_parts import replace_part

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "cost.md"
PICTURE = PROJECT / "docs" / "images" / "cost.svg"
README = PROJECT / "README.md"
LOADS = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
"""Posts a day."""
_BETWEEN = 5
"""Points of a line in the picture from each of these loads to the next."""
_QUOTED = 1_000_000
_LARGEST = LOADS[-1]
_WAIT_SECONDS = 60.0
_SAID = re.compile(
    r"about \$[\d,]+ a month with production settings,(\s+)"
    r"and \$[\d,]+ (with the cheapest settings)"
)


class MissingSentence(LookupError):
    """The README lacks the sentence about the cost of a million posts a day."""


def report(posts_a_day: float, deployment: PricedStage, measured: Measured) -> CostReport:
    return CostReport(Load(posts_a_day), deployment, measured, _WAIT_SECONDS)


def estimate(found: CostReport) -> str:
    """Return the command's output, 80 columns wide."""
    printed = StringIO()
    found.show(Console(file=printed, width=80))
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    return "\n".join(["```text", *lines, "```", ""])


def loads(deployment: PricedStage, measured: Measured) -> str:
    """Return a table of each load's cost, and one of its alternatives."""
    costs = [
        "| posts a day | $ a month | $ per million posts | largest item |",
        "| --- | --- | --- | --- |",
    ]
    others = [
        "| posts a day | cheapest settings | endpoint | container |",
        "| --- | --- | --- | --- |",
    ]
    for posts in LOADS:
        found = report(posts, deployment, measured)
        lines = found.lines
        dollars, most = total(lines), max(lines, key=lambda line: line.dollars)
        _, endpoint, container = found.alternatives
        costs.append(
            f"| {posts:,} | {dollars:,.0f} | {dollars / (posts * 30 / 1e6):,.2f} "
            f"| {most.service}, {most.what} |"
        )
        others.append(
            f"| {posts:,} | {found.cheapest_dollars:,.0f} | {endpoint.dollars:,.0f} "
            f"| {container.dollars:,.0f} |"
        )
    alternatives = "Alternatives, in dollars a month:"
    return "\n".join([*costs, "", alternatives, "", *others, ""])


def draw(deployment: PricedStage, measured: Measured, path: Path) -> None:
    """Draw dollars a month by posts a day, with the stage's settings and with the cheapest."""
    figure, (axes,) = pictures.charts(1, (9, 4.2))
    steps = _BETWEEN * (len(LOADS) - 1) + 1
    between = np.geomspace(LOADS[0], LOADS[-1], steps)
    for name, colour, side, dollars in (
        (f"{deployment.name}'s settings", pictures.RED, 1, lambda found: total(found.lines)),
        ("cheapest settings", pictures.BLUE, -1, lambda found: found.cheapest_dollars),
    ):
        line = [dollars(report(posts, deployment, measured)) for posts in between]
        axes.plot(between, line, color=colour, linewidth=2, label=name)
        for posts in LOADS:
            amount = dollars(report(posts, deployment, measured))
            axes.plot(posts, amount, "o", color=colour)
            axes.annotate(
                f"${amount:,.0f}",
                (posts, amount),
                (-5 * side, 5 * side),
                textcoords="offset points",
                ha="right" if side > 0 else "left",
                va="bottom" if side > 0 else "top",
                color=colour,
            )
    axes.set(xscale="log", yscale="log", xlabel="posts a day", ylabel="dollars a month")
    axes.set_xticks(LOADS, [posts_in_words(posts) for posts in LOADS])
    axes.set_xlim(LOADS[0] / 3, LOADS[-1] * 4)
    axes.set_ylim(10, 10_000)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.minorticks_off()
    axes.legend(frameon=False, loc="upper left")
    pictures.save(figure, path)


def limits(deployment: PricedStage, measured: Measured) -> str:
    """Return a table of all limits, in the order reached."""
    now, then = (report(posts, deployment, measured).limits for posts in (_QUOTED, _LARGEST))
    used_then = {each.what: each.used for each in then}
    rows = [
        "| limit | 1 million / 1 billion posts a day / maximum "
        "| reached at, posts a day | remedy |",
        "| --- | --- | --- | --- |",
    ]
    rows += [
        f"| {each.what}{' (AWS quota)' if each.is_quota else ''}, {each.unit} "
        f"| {each.used:,.3g} / {used_then[each.what]:,.3g} / {each.most:,.6g} "
        f"| {posts_in_words(each.met_at)} | {each.remedy} |"
        for each in now
    ]
    return "\n".join([*rows, ""])


def written(page: str, deployment: PricedStage, measured: Measured) -> str:
    """Return the cost page with new estimates."""
    for name, part in (
        ("estimate", estimate(report(_QUOTED, deployment, measured))),
        ("loads", loads(deployment, measured)),
        ("limits", limits(deployment, measured)),
    ):
        page = replace_part(page, name, "docs.cost_figures", part)
    return page


def introduced(readme: str, deployment: PricedStage, measured: Measured) -> str:
    """Return the README with its two new amounts.

    Raises
    ------
    MissingSentence
    """
    found = report(_QUOTED, deployment, measured)
    dollars, cheapest = total(found.lines), found.cheapest_dollars
    said = rf"about ${dollars:,.0f} a month with production settings,\1and ${cheapest:,.0f} \2"
    readme, places = _SAID.subn(said, readme)
    if places != 1:
        raise MissingSentence(f"the README has {places} sentences on cost; it must have one")
    return readme


if __name__ == "__main__":
    prod, figures = stage_cost.deployment("prod"), shipped()
    PAGE.write_text(written(PAGE.read_text(), prod, figures))
    draw(prod, figures, PICTURE)
    README.write_text(introduced(README.read_text(), prod, figures))
