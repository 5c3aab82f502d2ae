"""The command's name in hints: as it was called, if a shell would not find it by name."""

import sys

import pytest
from rich.table import Table

from cli.commands import operations
from cli.console import SafeConsole
from cli.errors import OperatorError
from cli.local_page import in_callers_context
from cli.main import WITH_TARGET
from cli.program import as_called, hints_for, program


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Call the command by its path in a folder that is not on the PATH."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "stresswatch").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [".venv/bin/stresswatch", "up"])
    return folder


def test_a_command_on_the_path_is_called_by_name(called, monkeypatch):
    monkeypatch.setenv("PATH", str(called))
    assert program() == "stresswatch"


def test_a_command_shadowed_on_the_path_keeps_its_own_path(called, tmp_path, monkeypatch):
    (tmp_path / "stresswatch").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program() == ".venv/bin/stresswatch"


def test_a_module_run_by_python_is_called_by_the_commands_name(called, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cli/__main__.py"])
    assert program() == "stresswatch"


def test_hints_have_the_commands_path_if_it_is_not_on_the_path(called, stresswatch, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(called / "stresswatch")])
    hints = stresswatch("data", "synthesize", "train.jsonl").stdout
    assert f"  {called}/stresswatch seed --local train.jsonl\n" in hints
    assert f"start one with `{called}/stresswatch up`" in stresswatch("status", "--local").stderr


def test_hints_in_tables_have_the_path_and_other_words_are_kept(called, capsys):
    table = Table("next")
    table.add_row("`stresswatch retrain`")
    console = SafeConsole(width=60)
    console.print(table, "stresswatch-dev runs; ./stresswatch up; train.jsonl")
    said = capsys.readouterr().out
    assert "`.venv/bin/stresswatch retrain`" in said
    assert "stresswatch-dev runs; ./stresswatch up;" in said


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("`stresswatch measure`", "`stresswatch measure --local`"),
        ("`stresswatch label FILE`", "`stresswatch label --local FILE`"),
        ("`stresswatch data suspicious v1`", "`stresswatch data suspicious --local v1`"),
        ("`stresswatch queue export`", "`stresswatch queue export --local`"),
        (
            "`stresswatch up` or `stresswatch seed`",
            "`stresswatch up` or `stresswatch seed --local`",
        ),
        ("stresswatch data fetch --from FILE", "stresswatch data fetch --from FILE"),
        ("stresswatch label FILE --stage prod", "stresswatch label FILE --stage prod"),
        ("stresswatch trend --local", "stresswatch trend --local"),
        ("stresswatch destroy", "stresswatch destroy"),
    ],
)
def test_hints_carry_the_target_where_the_command_takes_one(given, shown):
    with hints_for(WITH_TARGET, on_local=True, stage="dev"):
        assert as_called(given) == shown
    assert as_called(given) == given


@pytest.mark.parametrize(
    ("given", "options"),
    [(["--local"], " --local"), (["--stage", "prod"], " --stage prod"), ([], "")],
)
def test_hints_of_a_command_have_its_target(stresswatch, monkeypatch, given, options):
    def find_target(**_):
        raise OperatorError("See `stresswatch trend`.")

    monkeypatch.setattr(operations, "find_target", find_target)
    assert f"See `stresswatch trend{options}`." in stresswatch("status", *given).stderr


def test_hints_on_a_served_page_have_the_target_of_its_command():
    with hints_for(WITH_TARGET, on_local=False, stage="prod"):
        page = in_callers_context(lambda *_: [as_called("stresswatch seed").encode()])
    assert page({}, None) == [b"stresswatch seed --stage prod"]
