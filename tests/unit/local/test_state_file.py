"""The file that describes a running local stack to other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.errors import LocalStackError
from local.state_file import Folder, LocalStack

PROJECT = Path(__file__).parents[3]
STACK = LocalStack(
    endpoint="http://127.0.0.1:4566",
    region="us-east-1",
    stack_name="stresswatch-dev",
    outputs={"PostsStreamName": "posts"},
    pid=os.getpid(),
    started_at="2026-11-23T15:00:00+00:00",
)


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new")
    folder.hold()
    folder.write(STACK)
    assert Folder(tmp_path / "new").read() == STACK


def test_the_state_file_has_the_fields_that_other_tools_read(tmp_path: Path) -> None:
    Folder(tmp_path).write(STACK)
    assert json.loads((tmp_path / "local.json").read_text()) == {
        "endpoint": "http://127.0.0.1:4566",
        "region": "us-east-1",
        "stack": "stresswatch-dev",
        "outputs": {"PostsStreamName": "posts"},
        "pid": os.getpid(),
        "started_at": "2026-11-23T15:00:00+00:00",
    }


def test_looking_for_a_stack_leaves_nothing_behind(tmp_path: Path) -> None:
    assert Folder(tmp_path / "nothing").read() is None
    assert list(tmp_path.iterdir()) == []


def test_the_state_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys; from pathlib import Path; from local.state_file import *;"
        "folder = Folder(Path(sys.argv[1])); folder.hold();"
        "folder.write(LocalStack('http://', 'us-east-1', 'stack', {}, os.getpid(), 'now'));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=False, cwd=PROJECT)
    assert (tmp_path / "local.json").exists()
    assert Folder(tmp_path).read() is None
    assert not (tmp_path / "local.json").exists()


def test_a_folder_can_be_held_only_once(tmp_path: Path) -> None:
    Folder(tmp_path).hold()  # released at once, as nothing refers to it
    first = Folder(tmp_path)
    first.hold()
    with pytest.raises(LocalStackError, match="another process"):
        Folder(tmp_path).hold(patience=0)
