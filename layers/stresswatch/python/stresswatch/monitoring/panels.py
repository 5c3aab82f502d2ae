"""Building blocks of dashboards: sections, panels and series; `dashboard` has the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stresswatch.monitoring import dimension_names

NAMESPACE = "Stresswatch"
ANY = "*"
"""A dimension value that stands for all values, with one line each."""
OF_STAGE: Mapping[str, str] = {dimension_names.STAGE: f"{{{dimension_names.STAGE}}}"}
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#52606d")
"""Colours of a panel's lines, in order; safe for colour-blind readers (Okabe and Ito, 2008)."""


@dataclass(frozen=True)
class Series:
    """A metric as one line, or with `ANY` as several.

    Attributes
    ----------
    dimensions : mapping of str to str
        Values in braces are stack outputs, or ``Stage``.
    statistic : str
        CloudWatch's name: ``Sum``, ``Maximum``, ``p99``.
    scale : float
        Factor for the values, for the panel's unit.
    """

    label: str
    metric: str
    statistic: str = "Sum"
    namespace: str = NAMESPACE
    dimensions: Mapping[str, str] = field(default_factory=lambda: OF_STAGE)
    scale: float = 1.0

    def dimensions_in(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the dimensions for a stack, from its outputs and its ``Stage``."""
        return {name: value.format_map(names) for name, value in self.dimensions.items()}

    def search(self, names: Mapping[str, str], minutes: int) -> str:
        """Return an open series as a CloudWatch search expression."""
        dimensions = self.dimensions_in(names)
        known = [f'{name}="{value}"' for name, value in dimensions.items() if value != ANY]
        schema = f"{{{','.join([self.namespace, *dimensions])}}}"
        sought = " ".join([schema, f'MetricName="{self.metric}"', *known])
        return f"SEARCH('{sought}', '{self.statistic}', {minutes * 60})"

    def scaled(self, metric: str) -> str:
        """Return a metric's id times the scale in metric math, without an exponent."""
        return f"{metric} * {self.scale:.12f}".rstrip("0")

    @property
    def title(self) -> str:
        """The label, or CloudWatch's template for the labels of an open series."""
        each = [name for name, value in self.dimensions.items() if value == ANY]
        return self.label or " ".join(f"${{PROP('Dim.{name}')}}" for name in each)

    @property
    def is_open(self) -> bool:
        """Whether it covers every value of a dimension."""
        return ANY in self.dimensions.values()


@dataclass(frozen=True)
class Panel:
    """Related lines.

    Attributes
    ----------
    meaning : str
        Explanation in one sentence.
    is_stacked : bool
        Whether the lines add up to a total.
    alarmed : str or None
        The metric whose alarm's threshold is drawn.
    minutes : int
        Minutes between two values, at least the time between two measurements.
    is_of_champion : bool
        Whether its values belong to the current champion, and not to its successors.
    """

    title: str
    meaning: str
    unit: str
    series: tuple[Series, ...]
    is_stacked: bool = False
    alarmed: str | None = None
    minutes: int = 5
    is_of_champion: bool = False

    @property
    def bounds(self) -> tuple[str, str] | None:
        """The titles of the series with the first one's lower and upper bound, if it has them."""
        titles = {series.metric: series.title for series in self.series}
        metric = self.series[0].metric
        lower, upper = (titles.get(f"{metric}{name}Bound") for name in ("Lower", "Upper"))
        return (lower, upper) if lower and upper else None

    def in_unit(self, threshold: float) -> float:
        """Return the threshold of the panel's alarm in the panel's unit."""
        (scale,) = {series.scale for series in self.series if series.metric == self.alarmed}
        return threshold * scale


@dataclass(frozen=True)
class Section:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]
