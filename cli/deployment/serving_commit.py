"""Which code serves a stage: what a deployment that does not predict is gone back from to."""

from __future__ import annotations

from cli.deployment.client import DeploymentClient
from cli.deployment.target import aws_target
from cli.errors import NoSuchStack
from stresswatch.aws import stack_outputs


def serving_commit(stage: str) -> str | None:
    """Return the commit of the code that a stage serves with; None where nothing serves.

    Without a champion no code predicts, an earlier one as little as a newer.

    Raises
    ------
    OperatorError
        When AWS does not say what is deployed.
    """
    try:
        target = aws_target(stage)
    except NoSuchStack:
        return None
    commit = target.outputs.get(stack_outputs.CODE_COMMIT, "unknown")
    if commit == "unknown" or DeploymentClient(target).champion() is None:
        return None
    return commit
