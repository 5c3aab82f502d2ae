"""A synthesis in a separate process."""

import fcntl
import os
import subprocess
from threading import Event, Thread

import pytest

from cli.deployment import synthesis
from cli.errors import OperatorError


def test_two_syntheses_into_one_folder_take_turns(tmp_path, monkeypatch):
    begun = Event()

    def run(*arguments, **how):
        begun.set()
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(synthesis.subprocess, "run", run)
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    second = Thread(target=synthesis.synthesize, args=(tmp_path,))
    second.start()
    assert not begun.wait(0.2)
    os.close(first)
    assert begun.wait(60)
    second.join()


@pytest.mark.parametrize("below", ["", "docs/runbooks"])
def test_an_installed_command_synthesises_the_current_checkout(below, tmp_path, monkeypatch):
    (tmp_path / "cdk_app").mkdir()
    (tmp_path / "cdk.json").touch()
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(synthesis, "__file__", "/site-packages/cli/deployment/synthesis.py")
    monkeypatch.chdir(tmp_path / below)
    assert synthesis.checkout() == tmp_path


def test_synthesis_outside_a_checkout_says_where_to_run_it(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "__file__", "/site-packages/cli/deployment/synthesis.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OperatorError, match="inside a checkout"):
        synthesis.checkout()


def test_settings_are_parsed_by_group_as_json_or_text():
    given = ["labelling.label_sample_share=0.5", "serving.reasons=always", "labelling.days=[1]"]
    assert synthesis.settings_of(given) == {
        "labelling": {"label_sample_share": 0.5, "days": [1]},
        "serving": {"reasons": "always"},
    }


@pytest.mark.parametrize("given", ["label_sample_share=0.5", "labelling.label_sample_share", "=1"])
def test_a_malformed_setting_is_rejected(given):
    with pytest.raises(OperatorError, match=r"write GROUP\.NAME=VALUE"):
        synthesis.settings_of([given])


def test_the_app_receives_the_changed_settings(tmp_path, monkeypatch):
    told = {}

    def run(*arguments, env, **how):
        told.update(env)
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(synthesis.subprocess, "run", run)
    synthesis.synthesize(tmp_path, changed={"labelling": {"label_sample_share": 0.5}})
    assert told["LOCAL_SETTINGS"] == '{"labelling": {"label_sample_share": 0.5}}'
