"""A reset of the local stack: the new one begins empty, however the old one ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import local
from cli import main
from cli.deployment.target import LOCAL_DIRECTORY
from tests.e2e.local_stack.small_stack import nothing_runs_in, start
from tests.e2e.small_app import write_app
from tests.e2e.waiting import eventually


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield write_app(tmp_path / "app")
    local.down(LOCAL_DIRECTORY)


def reset() -> str:
    result = CliRunner().invoke(main.app, ["reset", "--local", "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def keys(stack: local.LocalStack) -> list[str]:
    found = stack.client("s3").list_objects_v2(Bucket=stack.outputs["Bucket"], Prefix="mine/")
    return [one["Key"] for one in found.get("Contents", [])]


@pytest.mark.parametrize("ended", ["it runs", "it was stopped", "it was killed"])
def test_a_stack_starts_empty_after_a_reset(app: Path, ended: str) -> None:
    stack = start(LOCAL_DIRECTORY, app)
    stack.client("s3").put_object(Bucket=stack.outputs["Bucket"], Key="mine/a", Body=b"a")
    if ended == "it was stopped":
        local.down(LOCAL_DIRECTORY)
    if ended == "it was killed":
        os.kill(stack.pid, signal.SIGKILL)
    said = reset()
    assert ("Stopped." in said) == (ended == "it runs")
    assert not LOCAL_DIRECTORY.exists()
    eventually("end of the stack's processes", lambda: nothing_runs_in(LOCAL_DIRECTORY.absolute()))
    assert "Nothing to delete" in reset()

    assert keys(start(LOCAL_DIRECTORY, app)) == []
