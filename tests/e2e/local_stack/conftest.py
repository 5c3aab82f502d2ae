"""A local stack with the small app for each file, and folders for other stacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import local
from tests.e2e.local_stack.small_stack import Small, start
from tests.e2e.small_app import write_app


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, app: Path) -> Iterator[Small]:
    directory = tmp_path_factory.mktemp("stack")
    yield Small(start(directory, app))
    local.down(directory)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A folder for the test's own local stack."""
    folder = tmp_path / "own"
    yield folder
    local.down(folder)
