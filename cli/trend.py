"""`stresswatch trend`: the rate over time, as a table, a file, or a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.console import literal
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.tables import fitted
from cli.timestamps import parse_timestamp, utc_now
from stresswatch.aws import stack_outputs
from stresswatch.aws.identifiers import printable
from stresswatch.rates.cells import Period, Rate, RateMethod, week_of
from stresswatch.rates.comparisons import Comparison, between_communities, between_periods
from stresswatch.rates.page import interval, page, percent
from stresswatch.rates.rate_table import COLUMNS, read_rates
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted

DEFAULT_SPAN = timedelta(weeks=8)
_A_DAY = timedelta(days=1)
_FEW_WEEKS = 3
"""With fewer weeks, days are shown."""
_BARS = "▁▂▃▄▅▆▇█"
_GAP = "·"
_METHODS = {
    RateMethod.PREDICTION_POWERED: "predictions and labels",
    RateMethod.LABELS_ALONE: "labels alone",
    RateMethod.NOT_CORRECTED: "[yellow]model only, not corrected[/]",
    RateMethod.SUPPRESSED: "[yellow]suppressed[/]",
}
_MEANINGS = {
    RateMethod.NOT_CORRECTED: "Not corrected: too few of the sampled posts have a label.",
    RateMethod.SUPPRESSED: "Suppressed: too few posts, or another cell could be derived from it.",
}


@dataclass(frozen=True)
class Trend:
    """Rates of a span, for one kind of period and optionally one community.

    Attributes
    ----------
    every : sequence of Rate
        Rates of both kinds of period, for the page.
    """

    by: Period
    source: str | None
    every: Sequence[Rate]

    @property
    def rates(self) -> list[Rate]:
        return [rate for rate in self.every if rate.period is self.by]

    @property
    def shown(self) -> list[Rate]:
        """The rates of the requested community, or of all together."""
        return [rate for rate in self.rates if rate.source == self.source]

    @property
    def differences(self) -> list[Comparison]:
        return between_periods(self.shown)

    @property
    def communities(self) -> list[Comparison]:
        """Differences between communities; none where one was requested."""
        return between_communities(self.rates)

    def show(self, console: Console, *, every_difference: bool = False) -> None:
        """Print a table, lines of bars, and the significant differences in sentences.

        Parameters
        ----------
        every_difference : bool
            Also print the differences that are not significant.
        """
        name = "all communities" if self.source is None else literal(self.source)
        console.print(
            fitted(
                console,
                f"{TASK.label.rate.capitalize()} by {self.by}, {name}",
                ["from", "posts", "called", "corrected", "95 % interval", "labels", "how"],
                [_cells(rate) for rate in self.shown],
                numbers=["posts", "called", "corrected", "95 % interval", "labels"],
                dispensable=["labels", "posts", "called"],
            )
        )
        for label, name in (("corrected", "corrected_rate"), ("called", "called_rate")):
            values = _values(self.shown, name)
            if len(values) > 1:
                console.print(_bars(label, values, console.width), highlight=False)
        found = [*self.differences, *self.communities]
        said = [one for one in found if every_difference or one.is_significant]
        left = _not_printed(len(found) - len(said))
        for sentence in (*self._warnings(), *said, *left, *self._elsewhere()):
            console.print(Text(printable(str(sentence))))

    def _warnings(self) -> list[str]:
        """Explain the table's words, and name corrected rates with fewer posts."""
        methods = {rate.method for rate in self.shown}
        meanings = [meaning for method, meaning in _MEANINGS.items() if method in methods]
        partial = [
            f"{rate.start}: {rate.warning}" for rate in self.shown if rate.estimate and rate.warning
        ]
        return meanings + partial

    def _elsewhere(self) -> list[str]:
        """Say how to see the communities, if there are any beside all posts together."""
        if self.source is not None or all(rate.source is None for rate in self.rates):
            return []
        return ["For rates by community, add --source NAME or --html FILE."]

    def as_dict(self) -> dict[str, Any]:
        return {
            "by": self.by.value,
            "source": self.source,
            "rates": [_fields(rate) for rate in self.rates],
            "differences": [_difference(one) for one in self.differences],
            "communities": [_difference(one) for one in self.communities],
        }

    def as_csv(self) -> str:
        """Write a row for each rate, with the columns of the table in Athena."""
        written = io.StringIO(newline="")
        writer = csv.DictWriter(written, list(COLUMNS))
        writer.writeheader()
        writer.writerows(map(_fields, self.rates))
        return written.getvalue()

    def as_page(self, stack: str, written: datetime) -> str:
        return page(self.every, stack, written)


def read_recent(target: Target, today: date) -> list[Rate]:
    """Read the rates of the default weeks, up to the present one."""
    return _read_span(target, week_of(today - DEFAULT_SPAN), today)


def shown_period(rates: Sequence[Rate]) -> Period:
    """Choose weeks, or days where there are few weeks and enough labels for days."""
    weeks = {rate.start for rate in rates if rate.period is Period.WEEK}
    has_days = any(rate.estimate for rate in rates if rate.period is Period.DAY)
    return Period.DAY if has_days and len(weeks) < _FEW_WEEKS else Period.WEEK


def newest_rate(rates: Sequence[Rate]) -> Rate | None:
    """Return the newest rate of all communities, corrected if possible; None without one."""
    period = shown_period(rates)
    called = [
        rate
        for rate in rates
        if rate.period is period and rate.source is None and rate.called_rate is not None
    ]
    corrected = [rate for rate in called if rate.estimate]
    return next(reversed(corrected or called), None)


def period_name(rate: Rate, start: str) -> str:
    """Return a rate's day or week in words, given its first day's."""
    return f"{'week from ' if rate.period is Period.WEEK else ''}{start}"


def _read_span(target: Target, first: date, last: date) -> list[Rate]:
    bucket = target.output(stack_outputs.ARCHIVE_BUCKET)
    return read_rates(target.client("s3"), bucket, first, last + _A_DAY)


def read_trend(
    target: Target,
    by: Period,
    source: str | None,
    span: tuple[date, date],
) -> Trend:
    """Read the rates of a span, from its first to its last day.

    Raises
    ------
    OperatorError
        When there is none, or none for the community.
    """
    first, last = span
    found = _read_span(target, first, last)
    if not any(rate.period is by for rate in found):
        raise OperatorError(
            f"There is no {TASK.label.rate} by {by} from {first} to {last}: it is estimated with "
            "live quality, once a day by default, or immediately by `stresswatch measure`."
        )
    if source is not None:
        sources = sorted({rate.source for rate in found if rate.source is not None})
        found = [rate for rate in found if rate.source == source]
        if not found:
            raise OperatorError(
                f"There are no posts of {source} from {first} to {last}. The communities are: "
                f"{', '.join(sources) or 'none'}."
            )
    return Trend(by, source, found)


def span_of(
    start: str | None, end: str | None, now: Callable[[], datetime] = utc_now
) -> tuple[date, date]:
    """Read the days of ``--from`` and ``--to``: by default, eight weeks up to today.

    Raises
    ------
    OperatorError
        When the span is invalid.
    """
    last = (parse_timestamp(end, "--to") if end else now()).date()
    first = parse_timestamp(start, "--from").date() if start else last - DEFAULT_SPAN
    if first > last:
        raise OperatorError("--from must not be after --to.")
    return first, last


def widened(span: tuple[date, date], by: Period) -> tuple[date, date]:
    """Start a span of weeks on a Monday: weekly rates have their first day's date."""
    first, last = span
    return (week_of(first), last) if by is Period.WEEK else span


def sparkline(values: Sequence[float | None]) -> str:
    """Draw a bar for each value, from the lowest to the highest; a dot for a missing value."""
    known = [value for value in values if value is not None]
    if not known:
        return _GAP * len(values)
    low, width = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        _GAP if value is None else _BARS[round((value - low) / width * (len(_BARS) - 1))]
        for value in values
    )


def _values(rates: Sequence[Rate], name: str) -> list[float | None]:
    """Return a value for each period from the first to the last, None where it is missing."""
    known = {rate.start: getattr(rate, name) for rate in rates}
    if not known:
        return []
    first, last = min(known), max(known)
    step = rates[0].period.days
    return [known.get(first + day * _A_DAY) for day in range(0, (last - first).days + 1, step)]


def _bars(label: str, values: Sequence[float | None], width: int) -> Text:
    """Draw the last values that fit into a line, between their lowest and highest value."""
    begin, widest = f"{label:<10}", len(" 100.0 % to 100.0 %")
    shown = values[-max(1, width - len(begin) - widest) :]
    known = [value for value in shown if value is not None]
    reach = f" {percent(min(known))} to {percent(max(known))}" if known else " none"
    return Text(f"{begin}{sparkline(shown)}{reach}")


def _not_printed(count: int) -> list[str]:
    if not count:
        return []
    said = counted(count, "difference is", "differences are")
    return [f"{said} not significant; --every-difference prints {'it' if count == 1 else 'them'}."]


def _cells(rate: Rate) -> list[str]:
    return [
        rate.start.isoformat(),
        "" if rate.posts is None else f"{rate.posts:,}",
        percent(rate.called_rate),
        percent(rate.corrected_rate),
        interval(rate),
        "" if rate.labelled is None else f"{rate.labelled:,}",
        _METHODS[rate.method],
    ]


def _fields(rate: Rate) -> dict[str, Any]:
    return {**asdict(rate), "start": rate.start.isoformat()}


def _difference(one: Comparison) -> dict[str, Any]:
    return {
        "first": _place(one.first),
        "second": _place(one.second),
        **asdict(one.difference),
        "sentence": str(one),
    }


def _place(rate: Rate) -> dict[str, Any]:
    return {"start": rate.start.isoformat(), "source": rate.source}
