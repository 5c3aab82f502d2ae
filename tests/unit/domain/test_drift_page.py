"""The page of a window's drift: small, complete, and drifted features first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from stresswatch.contracts.predictions import MONITORED_FEATURES, REFERENCE_COLUMNS
from stresswatch.monitoring.drift import measure_drift
from stresswatch.monitoring.drift_history import WindowDrift
from stresswatch.monitoring.drift_page import drift_page
from stresswatch.monitoring.drift_rules import DriftRules
from stresswatch.settled.windows import Window

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(count: int, seed: int, **shift: float) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: dice.normal(shift.get(name, 0.0), 1.0, count) for name in REFERENCE_COLUMNS}
    )


def page_of(current: pd.DataFrame, reference: pd.DataFrame, version: str = "v1") -> str:
    drift = measure_drift(current, reference, DriftRules())
    window = WindowDrift(
        Window(START, START + timedelta(hours=1)),
        version,
        "measured",
        len(current),
        len(current),
        **drift.as_dict(),
    )
    return drift_page(window, current, reference)


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_drifted_features_come_first_sorted_by_distance() -> None:
    page = page_of(rows(300, 2, sentiment=1.0, word_rarity=3.0), rows(500, 1))
    assert headings(page)[:2] == ["word_rarity", "sentiment"]
    assert set(headings(page)) == set(MONITORED_FEATURES)
    assert "<h1>2 drifted features</h1>" in page
    assert page.index("sentiment</h2>") < page.index("<details>") < page.index("text_length</h2>")


def test_without_drift_all_features_are_expanded() -> None:
    page = page_of(rows(300, 2), rows(500, 1))
    assert "<h1>0 drifted features</h1>" in page
    assert "<details open>" in page


def test_the_page_is_under_100_kb_and_self_contained() -> None:
    page = page_of(rows(5_000, 2, sentiment=1.0), rows(5_000, 1))
    assert len(page.encode()) < 100_000
    assert not re.findall(r"<(?:script|link|img|iframe)|(?:src|href)=", page)


@pytest.mark.parametrize("value", [0.0, -1e308, 1e308, 5e-324])
def test_a_constant_feature_of_any_magnitude_is_drawn(value: float) -> None:
    page = page_of(rows(300, 2).assign(text_length=value), rows(500, 1))
    assert headings(page)[0] == "text_length"
    assert not re.search(r"nan|inf", page.replace("inference", ""))


def test_curve_heights_are_shares_of_their_own_sample() -> None:
    low, high = (
        pd.DataFrame(dict.fromkeys(REFERENCE_COLUMNS, [0.0] * n + [1.0] * m))
        for n, m in ((75, 25), (100, 300))
    )
    page = page_of(low, high)
    (picture,) = re.findall('aria-label="Values of sentiment">(.*?)</svg>', page)
    area, line = re.findall('points="(.*?)"', picture)
    heights = {
        name: [128 - float(point.split(",")[1]) for point in points.split()]
        for name, points in (("reference", area), ("window", line))
    }
    assert heights["window"][0] == pytest.approx(3 * heights["window"][-1], rel=0.01)
    assert 3 * heights["reference"][1] == pytest.approx(heights["reference"][-2], rel=0.01)


def test_names_are_escaped_and_uncompared_features_are_listed() -> None:
    page = page_of(rows(300, 2).assign(lex_liwc_i=None), rows(500, 1), version="<b>")
    assert "model &lt;b&gt;" in page
    assert "Not compared: lex_liwc_i (the window has 0 values" in page
