"""One stack a worker, deployed once, shared by its end-to-end tests and down after them."""

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
    """Begin with files that start stacks of their own: beside those the shared one would idle."""
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
    """Wait until a new stack's alarms were evaluated; return their states by their names.

    Those for silence stay as they are made, which says nothing: all are evaluated together, each
    time after the states of the others were set, so they had their turn as well.
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
    before = deployed.deployment.champion()
    assert before
    yield before
    deployed.point_to(before)
