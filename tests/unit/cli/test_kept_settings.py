"""`up` without settings keeps the previous ones and their resources, such as a queue."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

import local
from cli import main
from cli.commands import local_stack
from tests.unit.cli.test_main import STACK


def up(*settings):
    return CliRunner().invoke(main.app, ["up", *settings])


def test_up_keeps_the_settings_of_an_earlier_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    synthesized = []

    def synthesize(directory, changed):
        directory.mkdir(parents=True, exist_ok=True)
        synthesized.append(json.loads(json.dumps(changed)))
        return directory

    monkeypatch.setattr(local, "up", lambda directory, **_options: STACK)
    monkeypatch.setattr(local_stack, "synthesize", synthesize)
    up("--set", "labelling.label_sample_share=0.5")
    said = up().stdout
    assert "labelling.label_sample_share=0.5." in said
    up("--set", "labelling.label_sample_share=0.1", "--set", "gate.folds=3")
    assert [found["labelling"]["label_sample_share"] for found in synthesized] == [0.5, 0.5, 0.1]
    assert synthesized[-1]["gate"] == {"folds": 3}
    Path(".stresswatch/settings.json").write_text("[")
    assert "delete it" in up().stderr
