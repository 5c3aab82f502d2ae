"""The states in which a second version scores live posts beside the champion."""

from __future__ import annotations

from typing import Protocol

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from cdk_app.constructs.retraining.settling import Settling
from cdk_app.constructs.retraining.states import States
from stresswatch.retraining.verdict import Outcome


class Step(Protocol):
    """Make a state that invokes a function, whose failure ends the run."""

    def __call__(
        self,
        id: str,
        result_path: str,
        payload: dict[str, object] | None = None,
        *,
        name: str | None = None,
    ) -> tasks.LambdaInvoke: ...


class Shadowing:
    """Before a promotion the challenger shadows; on probation, the previous champion does."""

    def __init__(self, scope: Construct, states: States, step: Step, settling: Settling):
        self._scope = scope
        self._states = states
        self._step = step
        self._settling = settling

    def shadow_if_asked(self, accepted: sfn.IChainable, rejected: sfn.IChainable) -> sfn.Choice:
        """Let a challenger score live posts beside the champion, and judge its predictions."""
        begin = self._step(
            "Shadow",
            "$.shadow",
            {
                "version": sfn.JsonPath.string_at("$.gate.version"),
                "uri": sfn.JsonPath.string_at("$.gate.uri"),
                "sha256": sfn.JsonPath.string_at("$.gate.sha256"),
                "seconds": sfn.JsonPath.number_at("$.gate.shadow_seconds"),
            },
        )
        compare = self._step(
            "Compare",
            "$.comparison",
            {
                "version": sfn.JsonPath.string_at("$.gate.version"),
                "parent": sfn.JsonPath.string_at("$.gate.parent"),
                "basis": sfn.JsonPath.string_at("$.gate.basis"),
                "start": sfn.JsonPath.string_at("$.shadow.start"),
                "end": sfn.JsonPath.string_at("$.shadow.end"),
            },
        )
        shadow = (
            begin.next(self._wait_until("WhileItShadows", "$.shadow.end"))
            # The challenger scores the champion's last posts slightly later.
            .next(
                sfn.Wait(
                    self._scope, "LastBatches", time=sfn.WaitTime.duration(Duration.seconds(5))
                )
            )
            .next(self._settling.state("SettleShadowed", "$.shadow"))
            .next(compare)
            .next(
                sfn.Choice(self._scope, "StillAccepted?")
                .when(sfn.Condition.boolean_equals("$.comparison.accepted", True), accepted)
                .otherwise(rejected)
            )
        )
        return (
            sfn.Choice(self._scope, "Shadows?")
            .when(sfn.Condition.number_greater_than("$.gate.shadow_seconds", 0), shadow)
            .otherwise(accepted)
        )

    def probation_if_asked(self) -> sfn.Choice:
        """Compare a new champion with the previous one several times, or until it is replaced."""
        begin = self._step(
            "BeginProbation",
            "$.probation",
            {
                "version": sfn.JsonPath.string_at("$.gate.champion.version"),
                "uri": sfn.JsonPath.string_at("$.gate.champion.uri"),
                "sha256": sfn.JsonPath.string_at("$.gate.champion.sha256"),
                "seconds": sfn.JsonPath.number_at("$.gate.probation_seconds"),
                "on_probation": sfn.JsonPath.string_at("$.gate.version"),
            },
            name="shadow",
        )
        look = self._step(
            "LookAtChampion",
            "$.judgement",
            {
                "version": sfn.JsonPath.string_at("$.gate.version"),
                "previous": sfn.JsonPath.object_at("$.gate.champion"),
                "basis": sfn.JsonPath.string_at("$.gate.basis"),
                "start": sfn.JsonPath.string_at("$.probation.start"),
                "end": sfn.JsonPath.string_at("$.probation.end"),
            },
            name="probation",
        )
        # The first comparison is empty, and needs no settled posts.
        settle = self._settling.state("SettleProbation", "$.probation")
        again = self._wait_until("WhileOnProbation", "$.judgement.next").next(settle).next(look)
        judged = (
            sfn.Choice(self._scope, "StillTheChampion?")
            .when(_comes_to(Outcome.GOES_ON), again)
            .when(
                _comes_to(Outcome.ROLLED_BACK),
                self._states.notify("NotifyRolledBack", "A new champion was rolled back"),
            )
            .when(
                _comes_to(Outcome.KEPT),
                self._states.notify("NotifyKept", "A new champion passed its probation"),
            )
            .otherwise(sfn.Succeed(self._scope, "Overtaken"))
        )
        return (
            sfn.Choice(self._scope, "OnProbation?")
            .when(
                sfn.Condition.number_greater_than("$.gate.probation_seconds", 0),
                begin.next(look).next(judged),
            )
            .otherwise(sfn.Succeed(self._scope, "Promoted"))
        )

    def _wait_until(self, id: str, path: str) -> sfn.Wait:
        return sfn.Wait(self._scope, id, time=sfn.WaitTime.timestamp_path(path))


def _comes_to(outcome: Outcome) -> sfn.Condition:
    return sfn.Condition.string_equals("$.judgement.outcome", outcome)
