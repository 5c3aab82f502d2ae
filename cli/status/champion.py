"""Which versions serve and shadow, and what the champion was trained for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cli.deployment.client import DeploymentClient
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, read_if_there
from stresswatch.versions.champion import Change, read_changes
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest
from stresswatch.versions.shadow import ShadowPointer, read_shadow
from stresswatch.versions.task_change import TaskChange


def read_champions(deployment: DeploymentClient) -> list[Change]:
    """Read each change of the champion that is known, oldest first."""
    return read_changes(
        deployment.target.client("ssm"), deployment.target.output(stack_outputs.CHAMPION_PARAMETER)
    )


def read_task_change(deployment: DeploymentClient, changes: Sequence[Change]) -> TaskChange | None:
    """Read how the features of the last champion differ from those that posts have."""
    if not changes:
        return None
    place = Location.parse(changes[-1].pointer.uri) / MANIFEST_FILE
    content = read_if_there(deployment.target.client("s3"), place)
    return Manifest.from_bytes(content).task_change if content else None


def read_challenger(deployment: DeploymentClient, now: datetime) -> ShadowPointer | None:
    """Read which version shadows the champion, if one does now."""
    shadow = read_shadow(
        deployment.target.client("ssm"), deployment.target.output(stack_outputs.SHADOW_PARAMETER)
    )
    return shadow if shadow and shadow.until > now else None
