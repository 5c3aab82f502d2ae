"""The built wheel, in an environment without the rest of the project."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.e2e.wheel import install

DOMAIN = PROJECT / "layers/stresswatch/python/stresswatch"
EVERY_MODULE = """
import importlib, pkgutil
for top in ("cdk_app", "cli", "local", "stresswatch"):
    package = importlib.import_module(top)
    assert "site-packages" in package.__path__[0], package.__path__
    for found in pkgutil.walk_packages(package.__path__, f"{top}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""
EVERY_HELP = """
from typer.main import get_command
from typer.testing import CliRunner
from cli.main import app

def helped(command, words):
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0 and "Usage" in done.output, (words, done.output)
    print(" ".join(words))
    for name, below in getattr(command, "commands", {}).items():
        helped(below, [*words, name])

helped(get_command(app), [])
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("wheel"))


def run(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_every_module_of_the_wheel_can_be_imported(programs: Path, tmp_path: Path) -> None:
    done = run(tmp_path, programs / "python", "-c", EVERY_MODULE)
    assert done.returncode == 0, done.stderr


def test_the_wheel_contains_every_tracked_file_of_its_packages(programs: Path) -> None:
    (packages,) = programs.parent.glob("lib/python*/site-packages")
    for source in (*map(PROJECT.joinpath, ("cdk_app", "cli", "local")), DOMAIN):
        listed = subprocess.run(
            ["git", "ls-files"], cwd=source, capture_output=True, text=True, check=True
        )
        for name in listed.stdout.splitlines():
            assert (packages / source.name / name).is_file(), f"{source.name}/{name}"


def test_every_command_of_the_wheel_prints_its_help(programs: Path, tmp_path: Path) -> None:
    done = run(tmp_path, programs / "python", "-c", EVERY_HELP)
    assert done.returncode == 0, done.stderr
    assert {"demo", "replay", "data fetch"} <= set(done.stdout.splitlines())


def test_up_outside_a_checkout_says_that_it_needs_one(programs: Path, tmp_path: Path) -> None:
    done = run(tmp_path, programs / "stresswatch", "up")
    assert done.returncode == 1
    assert done.stderr == (
        f"There is no CDK app in {tmp_path} or above it; call this inside a checkout of "
        "Stresswatch.\n"
    )
