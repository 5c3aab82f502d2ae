"""One stack a worker, deployed once, shared by its end-to-end tests and down after them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import local
from stresswatch.champion import Pointer
from tests.e2e.deployed import Deployed
from tests.e2e.shell import Shell, started

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that start stacks of their own: beside those the shared one would idle."""
    sharing = {item.path for item in items if "deployed" in item.fixturenames}
    items.sort(key=lambda item: HERE not in item.path.parents or item.path in sharing)


@pytest.fixture(scope="package")
def deployed(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed") / "stack"
    stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
    yield Deployed(stack, app, folder)
    local.down(folder)


@pytest.fixture(scope="package")
def retraining(deployed: Deployed) -> dict[str, Any]:
    """The output of the retraining that made the first champion; some posts were predicted."""
    return deployed.prepare()


@pytest.fixture(scope="package")
def shell(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell to type the documentation's lines into."""
    with started(tmp_path_factory.mktemp("programs"), deployed.endpoint) as found:
        yield found


@pytest.fixture
def champion(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[Pointer]:
    """The champion, which serves again after the test."""
    before = deployed.loop.champion()
    assert before
    yield before
    deployed.point_to(before)
