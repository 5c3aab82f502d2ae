"""Drift: how far the posts of a window have moved from those that the champion was measured on.

Evidently compares each of `DRIFT_COLUMNS` by the two-sample Kolmogorov-Smirnov test, whose p-value
takes the size of both samples into account. With the family-wise error rate shared out over the
columns (Bonferroni), a window without drift has any drifted column with at most that probability.

This module alone needs Evidently and pandas: it runs in the drift function's image.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from stresswatch.predictions import DRIFT_COLUMNS

FAMILY_WISE_ERROR_RATE = 0.05
MINIMUM_VALUES = 20
"""A column with fewer values on either side is not compared, and is reported as such."""


@dataclass(frozen=True)
class ColumnDrift:
    """One column's verdict: the p-value of no drift, and whether it is below the threshold."""

    p_value: float
    threshold: float
    drifted: bool


@dataclass(frozen=True)
class Drift:
    """The drift of a window.

    Attributes
    ----------
    columns : dict of str to ColumnDrift
    skipped : tuple of str
        Columns with too few values to compare.
    share : float
        Of the compared columns, those that drifted; between 0 and 1.
    """

    columns: dict[str, ColumnDrift]
    skipped: tuple[str, ...]

    @property
    def share(self) -> float:
        return sum(column.drifted for column in self.columns.values()) / len(self.columns)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"share": self.share}


def measure_drift(current: pd.DataFrame, reference: pd.DataFrame, page: Path) -> Drift | None:
    """Compare a window's archive rows with the champion's reference, and write Evidently's page.

    Parameters
    ----------
    current, reference : DataFrame with the columns `DRIFT_COLUMNS`
        One row a post; missing values are left out of a column's comparison.
    page : Path
        Where the HTML report goes.

    Returns
    -------
    Drift or None
        None when no column has enough values; no page is written then.
    """
    current, reference = _numeric(current), _numeric(reference)
    enough = (current.notna().sum() >= MINIMUM_VALUES) & (reference.notna().sum() >= MINIMUM_VALUES)
    columns = [name for name in DRIFT_COLUMNS if enough[name]]
    if not columns:
        return None
    threshold = FAMILY_WISE_ERROR_RATE / len(columns)
    report = Report(
        [DataDriftPreset(columns=columns, num_method="ks", num_threshold=threshold)],
        include_tests=True,
    )
    definition = DataDefinition(numerical_columns=columns)
    snapshot = report.run(
        Dataset.from_pandas(current[columns], data_definition=definition),
        Dataset.from_pandas(reference[columns], data_definition=definition),
    )
    snapshot.save_html(str(page))
    result = snapshot.dict()
    drifted = _drifted_columns(result["tests"])
    return Drift(
        columns={
            metric["config"]["column"]: ColumnDrift(
                p_value=float(metric["value"]),
                threshold=threshold,
                drifted=metric["config"]["column"] in drifted,
            )
            for metric in result["metrics"]
            if metric["config"]["type"].endswith("ValueDrift")
        },
        skipped=tuple(name for name in DRIFT_COLUMNS if name not in columns),
    )


def _numeric(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = {
        name: pd.to_numeric(rows[name], errors="coerce") if name in rows else np.nan
        for name in DRIFT_COLUMNS
    }
    return pd.DataFrame(numbers, index=rows.index).replace([np.inf, -np.inf], np.nan)


def _drifted_columns(tests: list[dict[str, Any]]) -> set[str]:
    # Evidently's verdict rather than a comparison of ours: for some methods a low value means
    # drift and for others a high one.
    return {
        test["metric_config"]["params"]["column"]
        for test in tests
        if test["status"] == "FAIL" and "column" in test["metric_config"]["params"]
    }
