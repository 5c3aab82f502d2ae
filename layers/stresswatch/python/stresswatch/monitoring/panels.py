"""What a dashboard is made of: sections of panels of series; `dashboard` has ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stresswatch.monitoring import dimension_names

NAMESPACE = "Stresswatch"
ANY = "*"
"""A dimension's value that stands for every value there is, each a line of its own."""
OF_STAGE: Mapping[str, str] = {dimension_names.STAGE: f"{{{dimension_names.STAGE}}}"}
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6d31", "#52606d")
"""Of a panel's lines in their order; told apart by the colour-blind too (Okabe and Ito, 2008)."""


@dataclass(frozen=True)
class Series:
    """A metric as one line, or with `ANY` as several.

    Attributes
    ----------
    dimensions : mapping of str to str
        What is in braces is an output of the stack, or ``Stage``.
    statistic : str
        As CloudWatch names it: ``Sum``, ``Maximum``, ``p99``.
    scale : float
        What its values are multiplied by, for the panel's unit.
    """

    label: str
    metric: str
    statistic: str = "Sum"
    namespace: str = NAMESPACE
    dimensions: Mapping[str, str] = field(default_factory=lambda: OF_STAGE)
    scale: float = 1.0

    def dimensions_in(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return its dimensions in a stack, by the stack's outputs and its ``Stage``."""
        return {name: value.format_map(names) for name, value in self.dimensions.items()}

    def search(self, names: Mapping[str, str], minutes: int) -> str:
        """Write an open series as CloudWatch searches for it."""
        dimensions = self.dimensions_in(names)
        known = [f'{name}="{value}"' for name, value in dimensions.items() if value != ANY]
        schema = f"{{{','.join([self.namespace, *dimensions])}}}"
        sought = " ".join([schema, f'MetricName="{self.metric}"', *known])
        return f"SEARCH('{sought}', '{self.statistic}', {minutes * 60})"

    def scaled(self, metric: str) -> str:
        """Write a metric's id times the scale, as metric math has it: without an exponent."""
        return f"{metric} * {self.scale:.12f}".rstrip("0")

    @property
    def title(self) -> str:
        """The label, or what CloudWatch makes one of for each metric of an open series."""
        each = [name for name, value in self.dimensions.items() if value == ANY]
        return self.label or " ".join(f"${{PROP('Dim.{name}')}}" for name in each)

    @property
    def is_open(self) -> bool:
        """Whether it is of every value of a dimension."""
        return ANY in self.dimensions.values()


@dataclass(frozen=True)
class Panel:
    """Lines that belong together.

    Attributes
    ----------
    meaning : str
        What it tells, in a sentence.
    is_stacked : bool
        Whether the lines add up to something.
    alarmed : str or None
        The metric whose alarm's threshold is drawn.
    minutes : int
        Between two values: no less than the stages leave between two measurements.
    is_of_champion : bool
        Whether its values belong to the champion of their time, and say nothing about the next.
    """

    title: str
    meaning: str
    unit: str
    series: tuple[Series, ...]
    is_stacked: bool = False
    alarmed: str | None = None
    minutes: int = 5
    is_of_champion: bool = False

    def in_unit(self, threshold: float) -> float:
        """Return the threshold of the panel's alarm in the panel's unit."""
        (scale,) = {series.scale for series in self.series if series.metric == self.alarmed}
        return threshold * scale


@dataclass(frozen=True)
class Section:
    """Panels that answer one question."""

    title: str
    panels: tuple[Panel, ...]
