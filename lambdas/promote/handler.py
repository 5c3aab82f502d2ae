"""Promote: points the champion at an accepted model version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.champion import Pointer, load_model, read_pointer, write_pointer
from stresswatch.discretion import discreet
from stresswatch.environment import setting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


class ChampionMoved(RuntimeError):
    """The champion is another than the one that the challenger was judged against."""


@logger.inject_lambda_context
@discreet
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Change the pointer; answer the version that serves now and the one before.

    Raises
    ------
    ChampionMoved
        When the verdict was about another champion.
    DigestMismatch, CorruptArtefact
        When the model file is not the one that was judged.
    """
    ssm = boto3.client("ssm")
    parameter = setting("CHAMPION_PARAMETER")
    challenger = Pointer(event["version"], event["uri"], event["sha256"])
    load_model(boto3.client("s3"), challenger)
    before = read_pointer(ssm, parameter)
    serving = before.version if before else ""
    if before != challenger:
        if serving != event["parent"]:
            raise ChampionMoved(
                f"{challenger.version} was judged against {event['parent'] or 'no champion'}, "
                f"but {serving or 'no champion'} serves now; start the retraining again"
            )
        write_pointer(ssm, parameter, challenger)
    logger.info("promoted", version=challenger.version, before=serving)
    return {"version": challenger.version, "before": serving}
