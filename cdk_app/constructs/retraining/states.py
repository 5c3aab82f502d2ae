"""The kinds of states in the retraining workflow."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation


class States:
    """Make states that invoke the workflow's functions, and states that notify people.

    Attributes
    ----------
    ended : sfn.Fail
        The end of a run that failed.
    """

    def __init__(
        self, scope: Construct, foundation: Foundation, functions: Mapping[str, lambda_.Function]
    ):
        self._scope = scope
        self._foundation = foundation
        self._functions = functions
        self.ended = sfn.Fail(scope, "Failed", cause_path="States.JsonToString($.error)")
        self._notification_failed = self._publish_plainly().next(self.ended)

    def invoke(
        self,
        id: str,
        result_path: str,
        payload: dict[str, object] | None = None,
        *,
        name: str | None = None,
    ) -> tasks.LambdaInvoke:
        """Invoke a function with a payload, or with the state's whole input."""
        return tasks.LambdaInvoke(
            self._scope,
            id,
            lambda_function=self._functions[name or id.lower()],
            payload=sfn.TaskInput.from_object(payload) if payload else None,
            payload_response_only=True,
            result_path=result_path,
        )

    def assign(self, id: str, result_path: str, parameters: dict[str, object]) -> sfn.Pass:
        return sfn.Pass(self._scope, id, parameters=parameters, result_path=result_path)

    def notify(self, id: str, subject: str, *, asks: bool = False) -> tasks.LambdaInvoke:
        """Notify people in sentences; if that fails, publish the original error."""
        notified = self.invoke(
            id,
            sfn.JsonPath.DISCARD,
            {
                "subject": self._subject(subject),
                "asks": asks,
                "execution": sfn.JsonPath.string_at("$$.Execution.Name"),
                "state": sfn.JsonPath.object_at("$"),
            },
            name="notify",
        )
        notified.add_catch(self._notification_failed, errors=["States.ALL"], result_path="$.error")
        return notified

    def _publish_plainly(self) -> tasks.SnsPublish:
        return tasks.SnsPublish(
            self._scope,
            "NotifyPlainly",
            topic=self._foundation.notifications.topic,
            subject=self._subject("A retraining's result could not be described"),
            message=sfn.TaskInput.from_object(
                {
                    "execution": sfn.JsonPath.string_at("$$.Execution.Name"),
                    "error": sfn.JsonPath.object_at("$.error"),
                }
            ),
            result_path=sfn.JsonPath.DISCARD,
        )

    def _subject(self, subject: str) -> str:
        return f"Stresswatch {self._foundation.stage.name}: {subject}"
