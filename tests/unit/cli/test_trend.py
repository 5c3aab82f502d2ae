"""`stresswatch trend`: the table, the bars and the sentences, also on a narrow terminal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from rich.console import Console

from cli.errors import OperatorError
from cli.trend import Trend, span_of, sparkline
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.rate_table import COLUMNS
from tests.unit.rates.worlds import MONDAY, WEEK

NOW = datetime(2026, 11, 30, 12, 34, tzinfo=UTC)


def later(weeks, **changes):
    return replace(WEEK, start=MONDAY + timedelta(weeks=weeks), **changes)


NOT_CORRECTED = dict.fromkeys(("corrected_rate", "low", "high", "variance", "tuning")) | {
    "method": RateMethod.NOT_CORRECTED
}
RATES = [
    WEEK,
    later(1, corrected_rate=0.5, low=0.47, high=0.53, represented=6_000),
    later(2, **NOT_CORRECTED),
    Rate(Period.WEEK, MONDAY + timedelta(weeks=3), None, RateMethod.SUPPRESSED),
]


def shown(rates=RATES, width=120, source=None, **options):
    console = Console(file=(text := io.StringIO()), width=width)
    Trend(Period.WEEK, source, rates).show(console, **options)
    return text.getvalue()


def test_each_period_is_shown_with_its_rates_and_their_method():
    rows = [[cell.strip() for cell in line.split("│")] for line in shown().splitlines()]
    found = {row[1]: row[2:-1] for row in rows if len(row) == 9}
    assert found["2026-11-23"] == [
        *("8,140", "46.0 %", "40.0 %", "37.0 to 43.0 %", "200", "predictions and labels")
    ]
    assert found["2026-12-07"] == [*("8,140", "46.0 %", "", "", "200", "model only, not corrected")]
    assert found["2026-12-14"] == ["", "", "", "", "", "suppressed"]


def test_bars_have_a_gap_where_a_rate_is_missing():
    said = shown()
    assert "corrected ▁█·· 40.0 % to 50.0 %" in said
    assert "called    ▁▁▁· 46.0 % to 46.0 %" in said


def test_bars_have_a_gap_for_each_period_without_posts():
    days = [replace(WEEK, period=Period.DAY, start=MONDAY + timedelta(days=day)) for day in (0, 3)]
    console = Console(file=(text := io.StringIO()), width=120)
    Trend(Period.DAY, None, days).show(console)
    assert "corrected ▁··▁ " in text.getvalue()


def test_differences_and_warnings_are_sentences():
    said = shown()
    assert "2026-11-23 to 2026-11-30: rose by 10.0 points, 5.8 to 14.2" in said
    assert "Not corrected: too few of the sampled posts have a label." in said
    assert "2026-11-30: The corrected rate covers 6,000 of the 8,140 posts" in said
    assert "Suppressed: too few posts" in said


def test_communities_are_compared_unless_one_is_selected():
    rates = [WEEK, replace(WEEK, source="ptsd"), replace(WEEK, source="[b]", corrected_rate=0.6)]
    assert "2026-11-23, [b] compared with ptsd: higher by 20.0 points" in shown(rates)
    assert "compared" not in shown([replace(WEEK, source="ptsd")], source="ptsd")


def test_the_last_line_says_how_to_see_rates_by_community():
    last = "For rates by community, add --source NAME or --html FILE."
    both = [WEEK, replace(WEEK, source="ptsd")]
    assert shown(both).splitlines()[-1] == last
    assert last not in shown([WEEK])
    assert last not in shown(both, source="ptsd")


def test_differences_that_are_not_significant_are_counted():
    rates = [WEEK, *(replace(WEEK, source=name) for name in ("ptsd", "anxiety", "stress"))]
    assert "\n3 differences are not significant; --every-difference prints them.\n" in shown(rates)
    said = shown(rates, every_difference=True)
    assert said.count("compared with") == 3
    assert "--every-difference" not in said
    assert "1 difference is not significant" in shown(rates[:3])


def test_a_single_period_has_no_bars():
    assert "▁" not in shown([WEEK])


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_shows_the_corrected_rate_on_unbroken_lines(width):
    said = shown(width=width)
    assert max(map(len, said.splitlines())) <= width
    assert "40.0 %" in said
    assert "37.0 to" in said


def test_only_the_latest_of_many_periods_have_bars():
    rates = [replace(WEEK, start=MONDAY + timedelta(weeks=number)) for number in range(200)]
    rates[0] = replace(WEEK, corrected_rate=0.1)
    said = shown(rates, width=60)
    assert max(map(len, said.splitlines())) <= 60
    assert "▁ 40.0 % to 40.0 %" in said, "the first week is not drawn"


def test_json_and_csv_have_every_column():
    found = Trend(Period.WEEK, None, [*RATES, replace(WEEK, source="ptsd", period=Period.DAY)])
    fields = json.loads(json.dumps(found.as_dict()))
    assert len(fields["rates"]) == len(RATES)
    assert list(fields["rates"][0]) == list(COLUMNS)
    (difference,) = fields["differences"]
    assert difference["first"] == {"start": "2026-11-30", "source": None}
    assert difference["value"] == pytest.approx(0.1)
    rows = list(csv.DictReader(io.StringIO(found.as_csv())))
    assert [row["start"] for row in rows] == [rate.start.isoformat() for rate in RATES]
    assert (rows[0]["corrected_rate"], rows[3]["posts"]) == ("0.4", "")


def test_bars_are_scaled_from_the_lowest_to_the_highest_rate():
    assert sparkline([0.1, None, 0.8]) == "▁·█"
    assert sparkline([0.5, 0.5]) == "▁▁"
    assert sparkline([None, None]) == "··"


def test_the_time_range_defaults_to_the_last_eight_weeks():
    assert span_of(None, None, lambda: NOW) == (date(2026, 10, 5), date(2026, 11, 30))
    assert span_of("2026-11-01", "2026-11-08", lambda: NOW) == (
        date(2026, 11, 1),
        date(2026, 11, 8),
    )
    with pytest.raises(OperatorError, match="--from must not be after --to"):
        span_of("2026-12-01", None, lambda: NOW)
