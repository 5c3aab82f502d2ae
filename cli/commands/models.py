"""Model versions: `retrain`, `versions`, `rollback`, `approve`, `reject`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.console import console
from cli.deployment.client import DeploymentClient
from cli.deployment.target import find_target
from cli.model_versions import Versions
from cli.options import Local, Stage, Version, Why
from stresswatch.retraining.run_report import describe


def retrain(
    on_local: Local = False,
    stage: Stage = "dev",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the result.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Ignore the cool-down and the minimum number of new labels."),
    ] = False,
) -> None:
    """Start a retraining."""
    deployment = DeploymentClient(find_target(on_local=on_local, stage=stage))
    execution = deployment.start_retraining(
        "operator", "Started with `stresswatch retrain`", force=force
    )
    console.print(f"Started {execution}", soft_wrap=True)
    if wait:
        with console.status("starting") as shown:
            output = deployment.follow(execution, 4 * 3600, shown.update)
        console.print(describe(output), markup=False, highlight=False)


def versions(
    on_local: Local = False,
    stage: Stage = "dev",
    newest: Annotated[int, typer.Option(min=1, help="Number of versions.")] = 20,
) -> None:
    """List model versions with their data, metrics and verdicts."""
    console.print(_versions(on_local=on_local, stage=stage).table(newest, console))


def rollback(
    why: Why,
    version: Annotated[
        str | None, typer.Argument(help="An earlier champion; by default, the previous one.")
    ] = None,
    on_local: Local = False,
    stage: Stage = "dev",
) -> None:
    """Roll back to an earlier version, and bar the current one from promotion."""
    pointer = _versions(on_local=on_local, stage=stage).rollback(version, why)
    console.print(
        f"{pointer.version} serves again; every predictor follows within a minute.", markup=False
    )


def approve(version: Version, why: Why, on_local: Local = False, stage: Stage = "dev") -> None:
    """Approve a challenger that the gate accepted."""
    _versions(on_local=on_local, stage=stage).answer(version, approved=True, why=why)
    console.print(f"{version} is approved, and will be promoted.", markup=False)


def reject(version: Version, why: Why, on_local: Local = False, stage: Stage = "dev") -> None:
    """Reject a challenger that the gate accepted."""
    _versions(on_local=on_local, stage=stage).answer(version, approved=False, why=why)
    console.print(f"{version} is rejected; the champion stays.", markup=False)


def _versions(*, on_local: bool, stage: str) -> Versions:
    return Versions(DeploymentClient(find_target(on_local=on_local, stage=stage)))
