"""The benchmarks of volume and latency: results from their measurements."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from benchmarks import latency, volume
from benchmarks.latency import Latency
from benchmarks.volume import Step

STEPS = [
    Step(rows, name, processor, processor * 2, 300.0)
    for name, processors in (("settle", (0.1, 1.0, 20.0)), ("drift", (1.0, 1.0, 1.0)))
    for rows, processor in zip((10_000, 100_000, 1_000_000), processors, strict=True)
]


def test_the_exponent_is_1_when_time_grows_linearly_with_rows():
    slopes = volume.exponents(STEPS[::-1])
    assert slopes["settle"] == pytest.approx([1.0, 1.301], abs=1e-3)
    assert slopes["drift"] == [0, 0]


@pytest.mark.parametrize(("steps", "code"), [(STEPS, 1), (STEPS[3:], 0)])
def test_a_step_with_superlinear_growth_fails(monkeypatch, steps, code):
    monkeypatch.setattr(volume, "measure", lambda *_, **__: steps)
    monkeypatch.setattr("sys.argv", ["volume"])
    assert volume.main() == code


def test_the_window_is_set_in_the_template(tmp_path):
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"BatchSize": 500}}
    path = tmp_path / "stack.template.json"
    path.write_text(json.dumps({"Resources": {"Mapping": mapping}}))
    latency._set_window(tmp_path, 30)
    found = json.loads(path.read_text())["Resources"]["Mapping"]["Properties"]
    assert found == {"BatchSize": 500, "MaximumBatchingWindowInSeconds": 30}


def test_latencies_are_shown_and_drawn(tmp_path, capsys):
    found = [Latency(window, 100, 0.5 * window, window, window, 10, 90) for window in (1, 5, 60)]
    latency.show(found, Console(width=80))
    assert "30.00 s" in capsys.readouterr().out
    latency.draw(found, tmp_path / "latency.svg")
    assert (tmp_path / "latency.svg").read_text().startswith("<?xml")
