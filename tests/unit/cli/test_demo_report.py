"""The demo's report: one small page, whose charts show the summary's values."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli.demo.report import write_report
from cli.demo.summary import Change, CommunityRate, DriftWindow, Summary
from cli.demo.terminal import Act

COLUMNS = {
    "sentiment": {"p_value": 1e-30, "threshold": 0.003, "drifted": True},
    "lex_liwc_i": {"p_value": 0.4, "threshold": 0.003, "drifted": False},
}
CHECK = {
    "name": "F1",
    "champion": 0.7,
    "challenger": 0.8,
    "passed": True,
    "requirement": "at least <b>",
    "evidence": "244 posts",
    "applies": True,
}


def summary(communities: list[CommunityRate]) -> Summary:
    change = Change(0.04, 0.01, 0.07)
    return Summary(
        task="stress",
        data="synthetic posts",
        champion_before="v1",
        champion_after="v2",
        drift=[
            DriftWindow("the same communities", "measured", 600, 0.0, COLUMNS, False, "v1"),
            DriftWindow("unseen communities", "measured", 600, 0.5, COLUMNS, True, "v1"),
            DriftWindow("too few posts", "too_few", 3, None, {}, False, "v1"),
        ],
        retraining={
            "dataset": {"base_posts": 600, "labelled_posts": 60},
            "gate": {"checks": [CHECK]},
        },
        f1_change=change,
        brier_change=change,
        rates=communities,
    )


def page(tmp_path: Path, communities: list[CommunityRate]) -> str:
    path = tmp_path / "report.html"
    share = np.linspace(0, 1, 300)
    write_report(path, summary(communities), [Act("first", seconds=1.0)], (share, share**2), 0.2)
    return path.read_text()


RATE = CommunityRate("ptsd <x>", 300, 120, 0.7, 0.6, 0.55, 0.65, 0.62, "prediction_powered")


def test_the_report_is_a_self_contained_page_below_a_megabyte(tmp_path: Path) -> None:
    shown = page(tmp_path, [RATE])
    assert shown.count("<svg") == 4
    assert len(shown.encode()) < 1_000_000
    assert "<script" not in shown
    assert not re.findall(r'(?:src|href)="(?!#|data:|model_card\.html)[^"]*"', shown)


def test_the_charts_name_communities_windows_and_features(tmp_path: Path) -> None:
    shown = page(tmp_path, [RATE])
    for name in ("ptsd &lt;x&gt;", "unseen communities", "sentiment", "drifted", "new champion"):
        assert name in shown
    assert "ptsd <x>" not in shown


def test_each_check_has_its_evidence_requirement_and_result(tmp_path: Path) -> None:
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page(tmp_path, [RATE]))
    place = cells.index("F1")
    assert cells[place : place + 6] == [
        "F1",
        "0.700",
        "0.800",
        "244 posts",
        "at least &lt;b&gt;",
        "passed",
    ]


@pytest.mark.parametrize("communities", [[], [replace(RATE, corrected=None, low=None, high=None)]])
def test_charts_are_drawn_without_labels_or_without_communities(
    communities: list[CommunityRate], tmp_path: Path
) -> None:
    assert page(tmp_path, communities).count("<svg") == 4
