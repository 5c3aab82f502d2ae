"""The estimate as an object for programs, and as tables of 80 columns for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.cost.alternatives import Alternative, alternatives, cheapest
from cli.cost.estimate import batch, bill, shards, total
from cli.cost.items import Item, Load
from cli.cost.limits import Limit, limits
from cli.cost.measured import Measured
from cli.cost.prices import PRICES
from cli.cost.template import PricedStage

_SHOWN_LIMITS = 4
_NAMES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


@dataclass(frozen=True)
class CostReport:
    """An estimate of a stage at a load."""

    load: Load
    deployment: PricedStage
    measured: Measured
    longest_wait: float

    @property
    def lines(self) -> list[Item]:
        return bill(self.load, self.deployment, self.measured)

    @property
    def best(self) -> PricedStage:
        return cheapest(self.load, self.deployment, self.measured, self.longest_wait)

    @property
    def cheapest_dollars(self) -> float:
        """A month's bill with the cheapest settings."""
        return total(bill(self.load, self.best, self.measured))

    @property
    def alternatives(self) -> tuple[Alternative, Alternative, Alternative]:
        return alternatives(self.load, self.deployment, self.measured)

    @property
    def limits(self) -> list[Limit]:
        return limits(self.load, self.deployment, self.measured)

    def settings(self, deployment: PricedStage) -> dict[str, Any]:
        """Return the settings that `cheapest` chooses, with their cost at this load."""
        n_shards = shards(self.load, deployment, self.measured)
        return {
            "shards of a stream": "on demand" if deployment.is_on_demand else n_shards,
            "batch_size": deployment.batch_size,
            "batch_window_seconds": deployment.batch_window_seconds,
            "posts stream retention, h": deployment.posts_retention_hours,
            "predictions stream retention, h": deployment.predictions_retention_hours,
            "posts a batch": round(batch(self.load, deployment, self.measured), 1),
            "dollars a month": round(total(bill(self.load, deployment, self.measured)), 2),
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary for JSON."""
        lines = self.lines
        return {
            "stage": self.deployment.name,
            "posts_a_day": self.load.posts_a_day,
            "peak": self.load.peak,
            "dollars_a_month": total(lines),
            "dollars_a_million_posts": self._a_million(lines),
            "lines": [
                asdict(line) | {"dollars": line.dollars, "price": PRICES[line.price]._asdict()}
                for line in lines
            ],
            "settings": self.settings(self.deployment),
            "cheapest": self.settings(self.best) | {"longest_wait": self.longest_wait},
            "alternatives": [
                asdict(each) | {"dollars": each.dollars} for each in self.alternatives
            ],
            "limits": [
                asdict(each) | {"is_met": each.is_met, "is_quota": each.is_quota}
                for each in self.limits
            ],
            "measured": self.measured.origin,
        }

    def show(self, console: Console) -> None:
        """Print the report as tables."""
        load, lines = self.load, self.lines
        console.print(
            f"{self.deployment.name}: {load.posts_a_day:,.0f} posts a day, "
            f"{load.a_second:,.1f} a second and {load.peak_a_second:,.1f} at the peak; "
            "us-east-1, a month of 30 days",
            highlight=False,
        )
        for table in (self._bill(lines), self._choice(), self._alternatives(), self._limits()):
            console.print(table)
        for sentence in self._sentences(lines):
            console.print(sentence, highlight=False)

    def _a_million(self, lines: list[Item]) -> float:
        return total(lines) / (self.load.posts / 1e6)

    def _bill(self, lines: list[Item]) -> Table:
        services = defaultdict(list)
        for line in lines:
            services[line.service].append(line)
        table = _table("Cost", "service", "$ a month", "share", "largest item")
        everything = total(lines)
        for service, its in sorted(services.items(), key=lambda each: -total(each[1])):
            largest = max(its, key=lambda line: line.dollars)
            table.add_row(
                service,
                f"{total(its):,.2f}",
                f"{total(its) / everything:.0%}",
                f"{largest.what}: {largest.dollars:,.2f}",
            )
        table.add_section()
        table.add_row(
            "total", f"{everything:,.2f}", "", f"{self._a_million(lines):,.2f} per million posts"
        )
        return table

    def _choice(self) -> Table:
        now, best = self.settings(self.deployment), self.settings(self.best)
        title = f"Cheapest settings, if posts wait up to {self.longest_wait:g} s for their batch"
        table = _table(title, "setting", "now", "cheapest")
        for name in now:
            table.add_row(name, _number(now[name]), _number(best[name]))
        return table

    def _alternatives(self) -> Table:
        title = "The same load on always-on servers"
        table = _table(title, "predictor", "servers", "predicting, $", "other, $", "$ a month")
        for each in self.alternatives:
            table.add_row(
                each.name,
                f"{each.servers:,}" if each.servers else "none",
                f"{each.predicting:,.2f}",
                f"{each.rest:,.2f}",
                f"{each.dollars:,.2f}",
            )
        return table

    def _limits(self) -> Table:
        table = _table(
            "Limits, and the load that reaches them", "limit", "used of", "posts a day", "remedy"
        )
        for each in self.limits[:_SHOWN_LIMITS]:
            colour = "red" if each.is_met else "green"
            table.add_row(
                f"{each.what}, {each.unit}",
                f"[{colour}]{_number(each.used)}[/] of {_number(each.most)}",
                posts_in_words(each.met_at),
                each.remedy,
            )
        return table

    def _sentences(self, lines: list[Item]) -> Iterator[str]:
        first = next((each for each in self.limits if each.is_met), None)
        if first:
            yield (
                f"This load exceeds a limit: {first.what} ({_number(first.used)} {first.unit}, "
                f"at most {_number(first.most)}). To fix it, {first.remedy}."
            )
        quota = next(each for each in self.limits if each.is_quota)
        yield (
            f"The first AWS quota reached is {quota.what}, at {posts_in_words(quota.met_at)} posts "
            f"a day ({_number(quota.most)} {quota.unit}; {quota.source})."
        )
        largest = max(lines, key=lambda line: line.dollars)
        yield (
            f"Largest item: {largest.service}, {largest.what} "
            f"({largest.dollars / total(lines):.0%})."
        )
        unsure = [line for line in lines if not PRICES[line.price].is_verified]
        names = ", ".join(sorted({line.price for line in unsure if line.dollars >= 0.005}))
        yield (
            f"{total(unsure) / total(lines):.0%} is from unverified prices: {names}. Free tiers "
            "are not deducted. --json lists each price with its source and date."
        )
        yield f"Usage measured on the local stack: {self.measured.origin}."


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        is_number = "$" in column or column in ("share", "servers", "posts a day")
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    return table


def posts_in_words(count: float | None) -> str:
    """Return a number of posts in words: ``1.44 billion``, or ``never`` for None."""
    if count is None:
        return "never"
    for size, name in _NAMES:
        if count >= size:
            return f"{count / size:,.3g} {name}"
    return f"{float(f'{count:.3g}'):,.0f}"


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
