"""Starting over: only files of the local stack are deleted."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import main
from cli.reset import contents
from local.state_file import Folder
from tests.conftest import PROJECT

STATE = Path(".stresswatch")


@pytest.fixture
def reset(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*options, answer=None):
        words = ["reset", "--local", *options]
        return CliRunner().invoke(main.app, words, input=answer, catch_exceptions=False)

    return run


@pytest.fixture
def kept(reset):
    """Write the files that a stack, a deployment and a training leave behind."""
    for path in ("state/s3/training/a", "checkpoints/shard", "cdk.out/manifest.json", "mlflow/db"):
        (STATE / path).parent.mkdir(parents=True, exist_ok=True)
        (STATE / path).write_text("kept")
    for name in ("local.lock", "local.log"):
        (STATE / name).touch()
    Path(".venv").mkdir()
    Path(".venv/installed").touch()
    Path("posts.jsonl").touch()
    return STATE


def test_all_state_and_nothing_else_is_deleted(reset, kept):
    result = reset("--yes")
    assert result.exit_code == 0
    assert sorted(path.name for path in Path().iterdir()) == [".venv", "posts.jsonl"]
    assert Path(".venv/installed").exists()
    assert result.stdout.endswith(
        "Deleted from " + str(kept.absolute()) + ": cdk.out, mlflow, state, checkpoints, "
        "local.log, local.lock.\n"
    )


def test_a_second_reset_says_that_there_is_nothing_to_delete(reset, kept):
    reset("--yes")
    result = reset("--yes")
    assert (result.exit_code, result.stdout) == (
        0,
        f"Nothing to delete: {kept.absolute()} has no local stack.\n",
    )
    assert not kept.exists()


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_reset_asks_first_and_deletes_only_after_a_yes(reset, kept, answer):
    before = sorted(kept.rglob("*"))
    result = reset(answer=answer)
    assert result.exit_code == 1
    assert "- mlflow: MLflow's records of trainings" in result.stdout
    assert "Delete all of it? [y/N]" in result.stdout
    assert sorted(kept.rglob("*")) == before
    assert reset(answer="y\n").exit_code == 0
    assert not kept.exists()


def test_unknown_files_in_the_folder_are_kept_and_named(reset, kept):
    (kept / "notes").mkdir()
    result = reset("--yes")
    assert [path.name for path in kept.iterdir()] == ["notes"]
    assert result.stdout.endswith("Not deleted, because Stresswatch did not make it: notes.\n")


@pytest.mark.parametrize("name", ["state", "notes", "cdk.out.txt"])
def test_a_folder_without_the_stacks_lock_is_not_touched(reset, name):
    (STATE / name).mkdir(parents=True)
    (STATE / "cdk.out").mkdir()
    result = reset("--yes")
    assert result.exit_code == 1
    assert "is not the folder of a local stack: it has no local.lock" in result.stderr
    assert {path.name for path in STATE.iterdir()} == {name, "cdk.out"}


def test_leftovers_of_a_stack_that_never_started_are_deleted(reset):
    (STATE / "cdk.out").mkdir(parents=True)
    assert reset("--yes").exit_code == 0
    assert not STATE.exists()


def test_a_link_in_the_folder_is_removed_and_not_followed(reset, kept, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (kept / "checkpoints" / "shard").unlink()
    (kept / "checkpoints").rmdir()
    (kept / "checkpoints").symlink_to(elsewhere)
    (kept / "state" / "link").symlink_to(elsewhere)
    assert reset("--yes").exit_code == 0
    assert (elsewhere / "file").exists()
    assert not kept.exists()


def test_a_folder_that_is_a_link_is_not_touched(reset, kept, tmp_path):
    kept.rename("elsewhere")
    kept.symlink_to("elsewhere")
    result = reset("--yes")
    assert result.exit_code == 1
    assert f"is a link to {tmp_path / 'elsewhere'}" in result.stderr
    assert Path("elsewhere/state/s3/training/a").exists()


def test_a_file_in_place_of_the_folder_is_not_deleted(reset):
    STATE.write_text("mine")
    result = reset("--yes")
    assert (result.exit_code, STATE.read_text()) == (1, "mine")
    assert "Not a directory" in result.stderr


def test_a_stack_that_is_just_starting_is_left_alone(reset, kept):
    holds = "import sys; from pathlib import Path; from local.state_file import Folder;"
    holds += "folder = Folder(Path(sys.argv[1])); folder.hold(); print('held', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(kept.absolute())],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starting:
        starting.stdout.readline()
        result = reset("--yes")
        starting.communicate("\n")
    assert result.exit_code == 1
    assert "another process is starting or stopping the local stack" in result.stderr
    assert (kept / "state").exists()


def test_reset_without_local_names_the_command_for_a_stage(kept):
    result = CliRunner().invoke(main.app, ["reset", "--yes"])
    assert result.exit_code == 1
    assert "add --local. For a stage on AWS: `stresswatch destroy`." in result.stderr
    assert (kept / "state").exists()


def test_a_lock_file_deleted_by_a_reset_is_replaced(tmp_path):
    """A second process that opened the file earlier must not believe that it holds the folder."""
    first = Folder(tmp_path)
    first.hold()
    (tmp_path / "local.lock").unlink()
    second = Folder(tmp_path)
    second.hold()
    with pytest.raises(Exception, match="another process"):
        Folder(tmp_path).hold(patience=0)


def test_reset_knows_every_file_that_a_stack_writes(tmp_path):
    folder = Folder(tmp_path)
    folder.hold()
    for path in (folder.log, folder.state, folder.checkpoints):
        path.touch()
    assert set(contents(tmp_path)) == set(tmp_path.iterdir())
