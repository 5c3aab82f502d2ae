"""One stack per worker, deployed once, shared by its end-to-end tests and deleted at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import local
from stresswatch.versions.champion import Pointer
from tests.e2e.deployed import Deployed
from tests.e2e.shell import Shell, started
from tests.e2e.waiting import eventually

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with files that have their own stacks: otherwise the shared stack would sit idle."""
    sharing = {item.path for item in items if "deployed" in item.fixturenames}
    items.sort(key=lambda item: HERE not in item.path.parents or item.path in sharing)


@pytest.fixture(scope="package")
def deployed(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("deployed") / "stack"
    stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
    try:
        deployed = Deployed(stack, app, folder)
        yield replace(deployed, alarms_when_new=evaluated_alarms(deployed))
    finally:
        local.down(folder)


def evaluated_alarms(deployed: Deployed) -> Mapping[str, str]:
    """Wait until a new stack's alarms have been evaluated; return their states by name.

    Alarms for silence keep their initial state, so it does not show an evaluation. They are
    evaluated together with the others, before whose states are set, so they have had their turn.
    """
    cloudwatch = deployed.client("cloudwatch")

    def look() -> dict[str, str] | None:
        found = cloudwatch.describe_alarms()["MetricAlarms"]
        waiting = [
            alarm
            for alarm in found
            if alarm["StateValue"] == "INSUFFICIENT_DATA"
            and alarm["TreatMissingData"] == "notBreaching"
        ]
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
        return None if waiting or not found else states

    return eventually("evaluation of every alarm", look, 120)


@pytest.fixture(scope="package")
def retraining(deployed: Deployed) -> dict[str, Any]:
    """The output of the retraining that made the first champion; some posts have predictions."""
    return deployed.prepare()


@pytest.fixture(scope="package")
def shell(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell for typing the documentation's lines."""
    with started(tmp_path_factory.mktemp("programs"), deployed.endpoint) as found:
        yield found


@pytest.fixture
def champion(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[Pointer]:
    """The champion, which is restored after the test."""
    before = deployed.deployment.champion()
    assert before
    yield before
    deployed.point_to(before)
