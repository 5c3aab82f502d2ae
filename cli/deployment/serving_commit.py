"""The commit of the code that serves a stage: the target of a rollback."""

from __future__ import annotations

from cli.deployment.client import DeploymentClient
from cli.deployment.target import aws_target
from cli.errors import NoSuchStack
from stresswatch.aws import stack_outputs


def serving_commit(stage: str) -> str | None:
    """Return the commit of a stage's serving code; None where nothing serves.

    Without a champion, no code predicts, at any commit.

    Raises
    ------
    OperatorError
        When AWS does not tell the deployed commit.
    """
    try:
        target = aws_target(stage)
    except NoSuchStack:
        return None
    commit = target.outputs.get(stack_outputs.CODE_COMMIT, "unknown")
    if commit == "unknown" or DeploymentClient(target).champion() is None:
        return None
    return commit
