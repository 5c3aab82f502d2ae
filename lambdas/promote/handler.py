"""Promote: points the champion at an accepted model version."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.retraining.environments import PromoteEnvironment
from stresswatch.retraining.journal import Journal
from stresswatch.versions.champion import (
    Pointer,
    PointerExists,
    read_pointer,
    write_pointer,
)
from stresswatch.versions.model_files import verify_model

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


class ChampionMoved(RuntimeError):
    """The champion has changed since the challenger was judged."""


class VersionBarred(RuntimeError):
    """The version was rolled back, and no retraining may promote it again."""


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Move the pointer; return the new and the previous version.

    The event is the workflow's state: ``gate`` identifies the judged versions. ``approval``, if the
    stage requires one, has the approver and the reason.

    Raises
    ------
    ChampionMoved
        When the verdict compared it with another champion.
    VersionBarred
        When the version was rolled back, for example before a retry.
    DigestMismatch, CorruptArtefact
        When the model file differs from the judged one.
    """
    environment = PromoteEnvironment.parse(os.environ)
    ssm = boto3.client("ssm")
    parameter = environment.champion_parameter
    gate = event["gate"]
    challenger = Pointer(gate["version"], gate["uri"], gate["sha256"])
    journal = Journal(boto3.client("dynamodb"), environment.journal_table)
    if bar := journal.barred(challenger.version):
        raise VersionBarred(f"{challenger.version} was rolled back at {bar.at} by {bar.by}")
    verify_model(boto3.client("s3"), challenger)
    before = read_pointer(ssm, parameter)
    serving = before.version if before else ""
    if before != challenger:
        if serving != gate["parent"]:
            raise _moved(gate, serving)
        because = _because(event.get("approval"))
        try:
            write_pointer(ssm, parameter, challenger, because, is_first=before is None)
        except PointerExists as error:
            raise _moved(gate, "another version") from error
    logger.info("promoted", version=challenger.version, before=serving)
    return {"version": challenger.version, "before": serving}


def _moved(gate: Mapping[str, Any], serving: str) -> ChampionMoved:
    return ChampionMoved(
        f"{gate['version']} was judged against {gate['parent'] or 'no champion'}, "
        f"but {serving or 'no champion'} serves now; start the retraining again"
    )


def _because(approval: Mapping[str, Any] | None) -> str:
    accepted = "promotion: the gate accepted it"
    return f"{accepted}, {approval['by']} approved it: {approval['why']}" if approval else accepted
