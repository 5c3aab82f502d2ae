import numpy as np
import pandas as pd
import pytest

from stresswatch.drift import measure_drift
from stresswatch.predictions import DRIFT_COLUMNS


def rows(count, seed, **shift):
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {name: generator.normal(shift.get(name, 0.0), 1.0, count) for name in DRIFT_COLUMNS}
    )


@pytest.fixture(scope="module")
def reference():
    return rows(500, seed=1)


def test_a_window_like_the_reference_has_no_drift(reference, tmp_path):
    drift = measure_drift(rows(300, seed=2), reference, tmp_path / "page.html")
    assert drift.share == 0.0
    assert set(drift.columns) == set(DRIFT_COLUMNS)


def test_the_columns_that_moved_are_named_and_give_the_share(reference, tmp_path):
    page = tmp_path / "page.html"
    drift = measure_drift(rows(300, seed=2, sentiment=1.0, probability=1.0), reference, page)
    assert {name for name, column in drift.columns.items() if column.drifted} == {
        "sentiment",
        "probability",
    }
    assert drift.share == pytest.approx(2 / len(DRIFT_COLUMNS))
    assert page.stat().st_size > 100_000


def test_a_column_without_values_is_skipped_and_the_others_are_compared(reference, tmp_path):
    current = rows(300, seed=2, sentiment=1.0).assign(lex_liwc_i=None, text_length=np.inf)
    drift = measure_drift(current.drop(columns="lex_liwc_Tone"), reference, tmp_path / "p.html")
    assert set(drift.skipped) == {"lex_liwc_Tone", "lex_liwc_i", "text_length"}
    assert drift.columns["sentiment"].drifted


def test_without_any_value_no_figure_is_made_up(reference, tmp_path):
    page = tmp_path / "page.html"
    assert measure_drift(reference.iloc[:0], reference, page) is None
    assert not page.exists()


def test_over_many_windows_without_drift_few_have_any_drifted_column(reference, tmp_path):
    alarms = [
        measure_drift(rows(200, seed), reference, tmp_path / "page.html").share > 0
        for seed in range(100, 120)
    ]
    assert sum(alarms) <= 4  # 5 % are expected; more than 4 of 20 has a probability of 0.3 %
