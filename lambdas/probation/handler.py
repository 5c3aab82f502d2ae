"""Probation: compares a new champion with the previous one, and rolls back a worse one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.aws.s3 import read
from stresswatch.clock import to_the_second
from stresswatch.retraining.check_words import PROBATION_ROLES, sentence
from stresswatch.retraining.environments import ProbationEnvironment
from stresswatch.retraining.journal import Decision, Journal
from stresswatch.retraining.live_archive import LiveArchive
from stresswatch.retraining.probation import BARRED_BY, SETTLES, judge_probation, looks
from stresswatch.retraining.verdict import Basis, Outcome
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from stresswatch.versions.champion import Pointer, read_pointer, write_pointer
from stresswatch.versions.model_files import verify_model
from stresswatch.versions.model_version import PROBATION_FILE, folder_of_version, keep_verdict
from stresswatch.versions.shadow import ShadowPointer, write_shadow

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

logger = Logger()

NOTHING: dict[str, Any] = {"posts": 0, "accepted": True, "checks": []}
"""The verdict of a check without a comparison."""


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the current verdict, its `Outcome`, and the time of the next check, if any.

    ``version`` is on probation from ``start`` to ``end``, and ``previous`` points to the champion
    that it replaced. A version that fails is barred, and the previous champion serves again. The
    verdict is stored with the version's files; a retry completes an unfinished rollback.

    Raises
    ------
    DigestMismatch, CorruptArtefact
        When the previous champion's file has changed since it served; the new one stays.
    """
    environment = ProbationEnvironment.parse(os.environ)
    probation = Probation(
        environment,
        boto3.client("s3", config=archive.CONNECTIONS),
        boto3.client("ssm"),
        Journal(boto3.client("dynamodb"), environment.journal_table),
        event["version"],
        Pointer(**event["previous"]),
        Basis(event["basis"]),
    )
    look = probation.look(Window.of(event, minutes=0), datetime.now(UTC))
    logger.info(
        "probation", version=probation.version, outcome=look["outcome"], posts=look["posts"]
    )
    return look


@dataclass(frozen=True)
class Probation:
    """A new champion and the previous one, with the stores that record and change the champion."""

    environment: ProbationEnvironment
    s3: S3Client
    ssm: SSMClient
    journal: Journal
    version: str
    previous: Pointer
    basis: Basis

    def look(self, window: Window, now: datetime) -> dict[str, Any]:
        """Judge by the data so far; roll back a version that fails."""
        bar = self.journal.barred(self.version)
        if bar and bar.by == BARRED_BY:
            kept = folder_of_version(self.environment.model_bucket, self.version) / PROBATION_FILE
            return self._roll_back(json.loads(read(self.s3, kept)), bar, is_begun=True)
        if not self._serves():
            return self._end(NOTHING, Outcome.OVERTAKEN)
        past, ahead = looks(window.start, window.end, now)
        verdict = self._judge(Window(window.start, past[-1])) if past else NOTHING
        if failed := [check for check in verdict["checks"] if not check["passed"]]:
            why = ". ".join(sentence(check, *PROBATION_ROLES) for check in failed)
            return self._roll_back(verdict, Decision.now(BARRED_BY, why), is_begun=False)
        if ahead:
            settled = ahead[0] + SETTLES + timedelta(microseconds=999_999)  # never a second early
            return verdict | {"outcome": Outcome.GOES_ON, "next": to_the_second(settled)}
        return verdict | {"outcome": Outcome.KEPT}

    def _judge(self, window: Window) -> dict[str, Any]:
        environment = self.environment
        live = LiveArchive.of(environment, self.s3, logger.warning).compare_probation(
            window, self.previous.version, self.version
        )
        judged = judge_probation(live, environment.gate_rules, self.basis)
        verdict = {"posts": live.posts, **judged.as_dict()}
        keep_verdict(self.s3, environment.model_bucket, self.version, PROBATION_FILE, verdict)
        return verdict

    def _roll_back(
        self, verdict: dict[str, Any], decision: Decision, *, is_begun: bool
    ) -> dict[str, Any]:
        """Bar the version and restore the previous champion, unless another one serves by now."""
        verify_model(self.s3, self.previous)
        if self._serves():
            self.journal.bar(self.version, decision)
            write_pointer(
                self.ssm,
                self.environment.champion_parameter,
                self.previous,
                f"rollback from {self.version} by {decision.by}: {decision.why}",
            )
        elif not is_begun:
            return self._end(verdict, Outcome.OVERTAKEN)
        return self._end(verdict, Outcome.ROLLED_BACK)

    def _end(self, verdict: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        """End the previous champion's shadowing."""
        ended = ShadowPointer(self.previous, datetime.now(UTC), self.version)
        write_shadow(self.ssm, self.environment.shadow_parameter, ended)
        return verdict | {"outcome": outcome}

    def _serves(self) -> bool:
        serving = read_pointer(self.ssm, self.environment.champion_parameter)
        return serving is not None and serving.version == self.version
