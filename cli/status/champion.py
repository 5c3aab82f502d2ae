"""The versions that serve and shadow, and the champion's task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cli.deployment.client import DeploymentClient
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, read_if_there
from stresswatch.model.scorer import ScorerNotAllowed, require_allowed
from stresswatch.versions.champion import Change, read_changes
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest
from stresswatch.versions.shadow import ShadowPointer, read_shadow


def read_champions(deployment: DeploymentClient) -> list[Change]:
    """Read the known changes of the champion, oldest first."""
    return read_changes(
        deployment.target.client("ssm"), deployment.target.output(stack_outputs.CHAMPION_PARAMETER)
    )


def read_manifest(deployment: DeploymentClient, changes: Sequence[Change]) -> Manifest | None:
    """Read the manifest of the last champion."""
    if not changes:
        return None
    place = Location.parse(changes[-1].pointer.uri) / MANIFEST_FILE
    content = read_if_there(deployment.target.client("s3"), place)
    return Manifest.from_bytes(content) if content else None


def why_not_served(deployment: DeploymentClient, champion: Manifest | None) -> str:
    """Return why the stage does not serve the champion; empty where it does."""
    try:
        if champion:
            require_allowed(champion.scorer, deployment.target.scorer)
    except ScorerNotAllowed as error:
        return f"The champion is not served: {error}; or roll back with `stresswatch rollback`."
    return ""


def read_challenger(deployment: DeploymentClient, now: datetime) -> ShadowPointer | None:
    """Read which version shadows the champion, if any."""
    shadow = read_shadow(
        deployment.target.client("ssm"), deployment.target.output(stack_outputs.SHADOW_PARAMETER)
    )
    return shadow if shadow and shadow.until > now else None
