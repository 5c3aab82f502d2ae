"""Start, stop, recovery and update of a local stack."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import local
from local.daemon import OWNER_VARIABLE
from tests.conftest import PROJECT
from tests.e2e.local_stack.small_stack import (
    Small,
    nothing_runs_in,
    processes_of,
    read_once,
    split,
    start,
)
from tests.e2e.small_app import NAME, write_app
from tests.e2e.waiting import eventually


class TestLifecycle:
    def test_a_stack_is_found_while_it_runs_and_leaves_no_process(
        self, directory: Path, app: Path
    ) -> None:
        assert local.running(directory) is None
        told: list[str] = []
        stack = local.up(directory, template_directory=app, on_progress=told.append)
        assert local.running(directory) == stack
        assert start(directory, app) == stack
        assert stack.stack_name == NAME
        assert told
        Small(stack).invoke(stack.outputs["Counter"])
        assert any("_worker.py" in process for process in processes_of(directory))

        assert local.down(directory)
        assert processes_of(directory) == []
        assert local.running(directory) is None
        assert not local.down(directory)

    def test_killing_the_background_process_ends_all_others(
        self, directory: Path, app: Path
    ) -> None:
        stack = start(directory, app)
        Small(stack).invoke(stack.outputs["Counter"])
        os.kill(stack.pid, signal.SIGKILL)
        eventually(
            "end of the stack's processes",
            lambda: nothing_runs_in(directory) and local.running(directory) is None,
        )
        assert start(directory, app).stack_name == NAME

    def test_acknowledged_writes_survive_a_kill_of_the_stack(
        self, directory: Path, app: Path
    ) -> None:
        before = Small(start(directory, app))
        parameters = before.stack.client("ssm")
        parameters.put_parameter(Name="/kept", Value="1", Type="String")
        before.put(before.Closed, [{"number": number} for number in range(3)])
        split(before, before.Closed, "shardId-000000000000")
        before.put(before.Closed, [{"number": 3}])
        parameters.put_parameter(Name="/kept", Value="2", Type="String", Overwrite=True)
        os.kill(before.stack.pid, signal.SIGKILL)
        eventually("end of the stack's processes", lambda: nothing_runs_in(directory))

        after = Small(start(directory, app))
        assert after.stack.outputs == before.stack.outputs
        kept = after.stack.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"]
        assert kept == "2"
        parent, *children = [
            [json.loads(data)["number"] for data in read_once(after, after.Closed, shard)]
            for shard in (f"shardId-{number:012}" for number in range(3))
        ]
        assert (parent, sorted(children)) == ([0, 1, 2], [[], [3]])

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_an_interrupted_start_leaves_no_process(
        self, directory: Path, app: Path, number: signal.Signals
    ) -> None:
        program = (
            "import sys; from pathlib import Path; import local;"
            "local.up(Path(sys.argv[1]), template_directory=Path(sys.argv[2]),"
            " on_progress=lambda text: print(text, flush=True))"
        )
        command = [sys.executable, "-c", program, str(directory), str(app)]
        with subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as starter:
            assert starter.stdout
            for line in starter.stdout:
                if "deploying" in line:
                    break
            starter.send_signal(number)
        eventually("end of the stack's processes", lambda: nothing_runs_in(directory))
        assert local.running(directory) is None

    def test_a_stack_ends_with_its_owner_process(
        self, directory: Path, app: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with subprocess.Popen(["sleep", "600"]) as owner:
            monkeypatch.setenv(OWNER_VARIABLE, str(owner.pid))
            start(directory, app)
            owner.kill()
        eventually("end of the stack's processes", lambda: nothing_runs_in(directory))
        assert local.running(directory) is None

    def test_a_taken_port_is_named_in_the_error(self, directory: Path, app: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(local.LocalStackError, match=f"port {port} .* is taken"):
                start(directory, app, port=port)
        assert processes_of(directory) == []

    def test_an_invalid_resource_is_named_with_the_reason(
        self, directory: Path, tmp_path: Path
    ) -> None:
        broken = {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {"MetricName": "Drift", "Namespace": "Small", "EvaluationPeriods": 1},
        }
        app = write_app(tmp_path / "app", Broken=broken)
        with pytest.raises(local.LocalStackError, match=r"Broken .*ComparisonOperator"):
            start(directory, app)
        assert processes_of(directory) == []
        mended = write_app(tmp_path / "app")
        assert start(directory, mended).stack_name == NAME

    def test_a_changed_template_updates_the_stack(self, directory: Path, tmp_path: Path) -> None:
        app = write_app(tmp_path / "app")
        first = start(directory, app)
        local.down(directory)
        parameter = {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/added", "Type": "String", "Value": "yes"},
        }
        second = start(directory, write_app(tmp_path / "app", Added=parameter))
        assert second.outputs == first.outputs
        added = second.client("ssm").get_parameter(Name="/added")
        assert added["Parameter"]["Value"] == "yes"

    def test_a_missing_app_is_rejected_with_the_command_to_run(self, directory: Path) -> None:
        with pytest.raises(local.LocalStackError, match="make synth"):
            start(directory, directory / "nothing")
