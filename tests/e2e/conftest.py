"""One stack a worker, deployed once and shared by the files that the worker runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import local
from cli.synthesis import synthesize
from tests.e2e.deployed import Deployed


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed")
    app = synthesize(folder / "cdk.out")
    stack = local.up(folder / "stack", template_directory=app, on_progress=lambda _: None)
    yield Deployed(stack, app, folder / "stack")
    local.down(folder / "stack")


@pytest.fixture(scope="session")
def retraining(deployed: Deployed) -> dict[str, Any]:
    """The output of the retraining that made the first champion; some posts were predicted."""
    return deployed.prepare()
