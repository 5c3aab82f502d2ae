"""An operator with the documented permissions runs the smoke test of a deployed stage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from cli.deployment.target import Target
from cli.smoke import smoke
from tests.e2e.deployed import Deployed
from tests.e2e.operators import not_missed, operator
from tests.e2e.policies import Policy


@pytest.fixture(scope="module")
def able(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[tuple[Target, Policy]]:
    with operator(deployed, "smoke") as found:
        yield found


def test_the_champion_predicts_all_hundred_posts(
    deployed: Deployed, able: tuple[Target, Policy]
) -> None:
    target, _ = able
    champion = deployed.deployment.champion()
    shown = io.StringIO()
    assert smoke(Console(file=shown), target, 60)
    assert shown.getvalue().startswith("100 of 100 posts were predicted within ")
    assert champion
    assert f": 100 by {champion.version}." in shown.getvalue()


def test_the_smoke_test_needs_each_of_the_documented_permissions(
    able: tuple[Target, Policy],
) -> None:
    target, policy = able
    assert not_missed(policy, lambda: smoke(Console(file=io.StringIO()), target, 0)) == []
