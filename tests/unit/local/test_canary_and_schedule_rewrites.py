"""The emulator lacks canaries and schedules: the rewrites that replace them."""

import copy
import json
from typing import Any, ClassVar

from local.alarms.events import target_input
from local.template.rewrites import (
    leave_out_canaries,
    start_schedules_by_rules,
)
from tests.unit.local.templates import NOTHING, get_attribute, resource, template


class TestCanaries:
    VERSION = get_attribute("Version", "Version")
    CANARY: ClassVar[dict[str, Any]] = template(
        Function=resource("AWS::Lambda::Function"),
        Version=resource("AWS::Lambda::Version", FunctionName={"Ref": "Function"}),
        Live={
            **resource(
                "AWS::Lambda::Alias", FunctionName={"Ref": "Function"}, FunctionVersion=VERSION
            ),
            "UpdatePolicy": {"CodeDeployLambdaAliasUpdate": {"ApplicationName": {"Ref": "Moves"}}},
        },
        Moves=resource("AWS::CodeDeploy::Application"),
        Group=resource("AWS::CodeDeploy::DeploymentGroup", ApplicationName={"Ref": "Moves"}),
        OfVersion=resource(
            "AWS::CloudWatch::Alarm", Dimensions=[{"Name": "version", "Value": VERSION}]
        ),
        OfFunction=resource(
            "AWS::CloudWatch::Alarm", Dimensions=[{"Name": "FunctionName", "Value": "f"}]
        ),
        Mapping={
            **resource("AWS::Lambda::EventSourceMapping", FunctionName={"Ref": "Live"}),
            "DependsOn": ["Live", "Function"],
        },
        Api=resource("AWS::ApiGatewayV2::Integration", IntegrationUri={"Ref": "Live"}),
    )

    def test_references_to_the_alias_point_to_the_function(self) -> None:
        changed = leave_out_canaries(self.CANARY, NOTHING)["Resources"]
        arn = get_attribute("Function")
        assert changed["Mapping"]["Properties"]["FunctionName"] == arn
        assert changed["Api"]["Properties"]["IntegrationUri"] == arn
        assert changed["Mapping"]["DependsOn"] == ["Function"]

    def test_canary_resources_are_removed_and_other_alarms_are_kept(self) -> None:
        before = copy.deepcopy(self.CANARY)
        changed = leave_out_canaries(self.CANARY, NOTHING)["Resources"]
        assert set(changed) == {"Function", "OfFunction", "Mapping", "Api"}
        assert before == self.CANARY

    def test_a_template_without_a_canary_stays_as_it_is(self) -> None:
        before = template(Function=resource("AWS::Lambda::Function"))
        assert leave_out_canaries(before, NOTHING) == before


class TestSchedules:
    TARGET: ClassVar[dict[str, Any]] = {
        "Arn": get_attribute("Monitor"),
        "RoleArn": get_attribute("Role"),
        "DeadLetterConfig": {"Arn": get_attribute("Queue")},
        "RetryPolicy": {"MaximumRetryAttempts": 2},
    }

    def rule(self, **target: Any) -> dict[str, Any]:
        schedule = resource(
            "AWS::Scheduler::Schedule",
            Description="Measures",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=self.TARGET | target,
        )
        before = template(Schedule=schedule | {"DependsOn": ["Role"]})
        changed = start_schedules_by_rules(before, NOTHING)["Resources"]["Schedule"]
        assert before["Resources"]["Schedule"]["Type"] == "AWS::Scheduler::Schedule"
        assert changed["Type"] == "AWS::Events::Rule"
        assert changed["DependsOn"] == ["Role"]
        return dict(changed["Properties"])

    def test_a_schedule_becomes_a_rule_with_the_same_time_and_target(self) -> None:
        rule = self.rule(Input='{"trigger": "schedule"}')
        assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 day)", "ENABLED")
        (target,) = rule["Targets"]
        assert target == self.TARGET | {"Id": "Target0", "Input": '{"trigger": "schedule"}'}

    def test_the_scheduled_time_is_taken_from_the_rules_event(self) -> None:
        rule = self.rule(Input='{"time": "<aws.scheduler.scheduled-time>"}')
        (target,) = rule["Targets"]
        event = {"time": "2026-11-23T10:02:00Z"}
        known = {"Arn": "arn:rule", "Name": "rule"}
        assert json.loads(target_input(target, event, known)) == event

    def test_a_schedule_without_an_input_passes_the_whole_event(self) -> None:
        (target,) = self.rule()["Targets"]
        assert target == self.TARGET | {"Id": "Target0"}
