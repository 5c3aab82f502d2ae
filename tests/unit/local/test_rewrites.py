"""Each difference between the synthesised template and the local deployment."""

import copy
import json
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from local.errors import UnsupportedTemplate
from local.template.resources import ImageCode, RewriteContext
from local.template.rewrites import (
    REWRITES,
    address_apis_by_path,
    allow_plain_http,
    disable_kinesis_mappings,
    hide_metrics_from_alarms,
    kinesis_mappings,
    leave_out_foreign_layers,
    leave_out_saved_queries,
    rewrite,
    run_image_functions_from_zip,
    train_with_a_function,
)
from tests.unit.local.templates import NOTHING, get_attribute, image_uri, resource, template


class TestMappings:
    STREAM = resource("AWS::Kinesis::Stream")
    MAPPING = resource(
        "AWS::Lambda::EventSourceMapping", EventSourceArn=get_attribute("Stream"), BatchSize=500
    )

    def test_kinesis_mappings_are_disabled_with_their_settings_kept(self) -> None:
        changed = disable_kinesis_mappings(
            template(Stream=self.STREAM, Mapping=self.MAPPING), NOTHING
        )
        properties = changed["Resources"]["Mapping"]["Properties"]
        assert properties == self.MAPPING["Properties"] | {"Enabled": False}

    def test_a_stream_may_be_named_by_its_arn(self) -> None:
        arn = {"Fn::Sub": "arn:aws:kinesis:${AWS::Region}:${AWS::AccountId}:stream/posts"}
        mapping = resource("AWS::Lambda::EventSourceMapping", EventSourceArn=arn)
        assert list(kinesis_mappings(template(Mapping=mapping))) == ["Mapping"]

    def test_mappings_of_queues_are_left_to_the_emulator(self) -> None:
        queue = resource("AWS::SQS::Queue")
        mapping = resource("AWS::Lambda::EventSourceMapping", EventSourceArn=get_attribute("Queue"))
        before = template(Queue=queue, Mapping=mapping)
        assert disable_kinesis_mappings(before, NOTHING) == before

    def test_a_disabled_mapping_is_ignored(self) -> None:
        mapping = copy.deepcopy(self.MAPPING)
        mapping["Properties"]["Enabled"] = False
        assert kinesis_mappings(template(Stream=self.STREAM, Mapping=mapping)) == {}


def test_alarms_watch_a_namespace_without_metrics() -> None:
    alarm = resource("AWS::CloudWatch::Alarm", Namespace="Stresswatch", MetricName="DriftShare")
    changed = hide_metrics_from_alarms(template(Alarm=alarm), NOTHING)
    assert changed["Resources"]["Alarm"]["Properties"] == {
        "Namespace": "local:Stresswatch",
        "MetricName": "DriftShare",
    }


class TestImageFunctions:
    FUNCTION = resource(
        "AWS::Lambda::Function",
        PackageType="Image",
        Code={"ImageUri": image_uri("abc")},
        ImageConfig={"Command": ["handler.handler"]},
        MemorySize=2048,
    )

    def test_image_functions_run_from_a_zip(self) -> None:
        code = ImageCode("bucket", "local/code.zip", handler="handler.handler")
        changed = run_image_functions_from_zip(
            template(Drift=self.FUNCTION), RewriteContext(images={"abc": code})
        )
        assert changed["Resources"]["Drift"]["Properties"] == {
            "Code": {"S3Bucket": "bucket", "S3Key": "local/code.zip"},
            "Handler": "handler.handler",
            "Runtime": "python3.13",
            "MemorySize": 2048,
        }

    def test_a_foreign_image_is_rejected(self) -> None:
        with pytest.raises(UnsupportedTemplate, match="not one of the app's own"):
            run_image_functions_from_zip(template(Drift=self.FUNCTION), NOTHING)

    def test_zip_functions_stay_as_they_are(self) -> None:
        before = template(
            Predictor=resource("AWS::Lambda::Function", Code={"S3Bucket": "b", "S3Key": "k"})
        )
        assert run_image_functions_from_zip(before, NOTHING) == before


def test_layers_of_third_party_packages_are_left_out() -> None:
    before = template(
        Domain=resource("AWS::Lambda::LayerVersion", Content={"S3Key": "domain.zip"}),
        Runtime=resource("AWS::Lambda::LayerVersion", Content={"S3Key": "runtime.zip"}),
        Predictor=resource("AWS::Lambda::Function", Layers=[{"Ref": "Domain"}, {"Ref": "Runtime"}])
        | {"DependsOn": ["Runtime", "Role"]},
    )
    context = RewriteContext(foreign_layers=frozenset({"runtime.zip"}))
    resources = leave_out_foreign_layers(before, context)["Resources"]
    assert set(resources) == {"Domain", "Predictor"}
    assert resources["Predictor"]["Properties"]["Layers"] == [{"Ref": "Domain"}]
    assert resources["Predictor"]["DependsOn"] == ["Role"]


class TestPlainHttp:
    TLS_ONLY: ClassVar = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Principal": {"AWS": "*"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    LOGS: ClassVar = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Principal": {"Service": "logging"},
    }

    @staticmethod
    def policy(kind: str, *statements: dict[str, Any]) -> dict[str, Any]:
        return resource(kind, PolicyDocument={"Statement": list(statements)})

    def test_only_statements_that_require_tls_are_removed(self) -> None:
        policy = self.policy("AWS::S3::BucketPolicy", self.TLS_ONLY, self.LOGS)
        changed = allow_plain_http(template(Policy=policy), NOTHING)
        document = changed["Resources"]["Policy"]["Properties"]["PolicyDocument"]
        assert document["Statement"] == [self.LOGS]

    @pytest.mark.parametrize(
        "kind", ["AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"]
    )
    def test_a_policy_that_only_requires_tls_is_left_out(self, kind: str) -> None:
        other = resource("AWS::S3::Bucket") | {"DependsOn": "Policy"}
        before = template(Policy=self.policy(kind, self.TLS_ONLY), Other=other)
        resources = allow_plain_http(before, NOTHING)["Resources"]
        assert set(resources) == {"Other"}
        assert resources["Other"]["DependsOn"] == []


def test_saved_queries_are_left_out_and_their_workgroup_is_kept() -> None:
    workgroup = resource("AWS::Athena::WorkGroup")
    before = template(Workgroup=workgroup, Saved=resource("AWS::Athena::NamedQuery"))
    assert leave_out_saved_queries(before, NOTHING) == template(Workgroup=workgroup)


class TestTraining:
    DEFINITION: ClassVar = {
        "StartAt": "Train",
        "States": {
            "Train": {
                "Type": "Task",
                "Resource": "arn:@partition@:states:::sagemaker:createTrainingJob.sync",
                "Parameters": {
                    "TrainingJobName.$": "$.dataset.version",
                    "RoleArn": "@role@",
                    "AlgorithmSpecification": {"TrainingImage": "@image@"},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                },
                "ResultPath": "$.training",
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
                "Next": "Done",
            },
            "Done": {
                "Type": "Task",
                "Resource": "arn:@partition@:states:::sns:publish",
                "End": True,
            },
            "Failed": {"Type": "Fail"},
        },
    }
    INTRINSICS: ClassVar = {
        "@partition@": {"Ref": "AWS::Partition"},
        "@role@": get_attribute("TrainingRole"),
        "@image@": image_uri("abc"),
    }
    CONTEXT = RewriteContext(
        images={"abc": ImageCode("bucket", "local/t.zip", entry_point=("python", "-m", "train"))}
    )

    def machine(self, definition: Any = None) -> dict[str, Any]:
        pieces: list[Any] = [json.dumps(definition or self.DEFINITION)]
        for mark, intrinsic in self.INTRINSICS.items():
            pieces = [
                part
                for piece in pieces
                for part in (
                    _interleave(piece.split(mark), intrinsic) if isinstance(piece, str) else [piece]
                )
            ]
        return resource(
            "AWS::StepFunctions::StateMachine",
            DefinitionString={"Fn::Join": ["", pieces]},
            RoleArn=get_attribute("WorkflowRole"),
        ) | {"DependsOn": ["WorkflowRole"]}

    def changed(self) -> dict[str, Any]:
        result = train_with_a_function(template(Workflow=self.machine()), self.CONTEXT)
        resources: dict[str, Any] = result["Resources"]
        return resources

    def test_the_task_invokes_a_function_and_is_otherwise_unchanged(self) -> None:
        definition = self.changed()["Workflow"]["Properties"]["DefinitionString"]
        states = json.loads(_joined(definition))["States"]
        expected = json.loads(_joined(self.machine()["Properties"]["DefinitionString"]))["States"]
        runner = {"Resource": _mark(get_attribute("TrainingRunner"))}
        assert states == expected | {"Train": expected["Train"] | runner}

    def test_the_function_runs_the_container_with_the_jobs_role(self) -> None:
        assert self.changed()["TrainingRunner"]["Properties"] == {
            "FunctionName": "training-runner",
            "Code": {"S3Bucket": "bucket", "S3Key": "local/t.zip"},
            "Handler": "handler.handler",
            "Runtime": "python3.13",
            "Role": get_attribute("TrainingRole"),
            "Timeout": 3660,
            "Environment": {
                "Variables": {
                    "ENTRY_POINT": '["python", "-m", "train"]',
                    "CONTAINER_VARIABLES": '{"MLFLOW_TRACKING_URI": ""}',
                }
            },
        }

    def test_the_function_gets_this_machines_tracking_uri(self) -> None:
        context = replace(self.CONTEXT, tracking_uri="sqlite:///mlflow.db")
        result = train_with_a_function(template(Workflow=self.machine()), context)
        variables = result["Resources"]["TrainingRunner"]["Properties"]["Environment"]["Variables"]
        here = json.loads(variables["CONTAINER_VARIABLES"])
        assert here == {"MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"}

    def test_the_state_machine_may_invoke_the_function(self) -> None:
        resources = self.changed()
        policy = resources["TrainingRunnerInvoke"]["Properties"]
        assert policy["Roles"] == [{"Ref": "WorkflowRole"}]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "lambda:InvokeFunction"
        assert statement["Resource"] == get_attribute("TrainingRunner")
        assert resources["Workflow"]["DependsOn"] == ["WorkflowRole", "TrainingRunnerInvoke"]

    def test_a_task_inside_a_map_is_found(self) -> None:
        inner = {"StartAt": "Train", "States": self.DEFINITION["States"]}
        outer = {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": inner}}}
        before = template(Workflow=self.machine(outer))
        assert "TrainingRunner" in train_with_a_function(before, self.CONTEXT)["Resources"]

    def test_state_machines_without_training_are_unchanged(self) -> None:
        states = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
        before = template(
            Workflow=resource(
                "AWS::StepFunctions::StateMachine", DefinitionString=json.dumps(states)
            )
        )
        assert train_with_a_function(before, NOTHING) == before

    def test_two_training_tasks_are_rejected(self) -> None:
        twice = copy.deepcopy(self.DEFINITION)
        twice["States"]["Again"] = twice["States"]["Train"]  # type: ignore[index]
        with pytest.raises(UnsupportedTemplate, match="more than one task"):
            train_with_a_function(template(Workflow=self.machine(twice)), self.CONTEXT)


def test_an_api_endpoint_output_points_to_the_emulators_path() -> None:
    before = template(Api=resource("AWS::ApiGatewayV2::Api"))
    before["Outputs"]["Url"] = {"Value": get_attribute("Api", "ApiEndpoint")}
    changed = address_apis_by_path(before, RewriteContext(endpoint_url="http://127.0.0.1:4566"))
    joined = {"Fn::Join": ["", ["http://127.0.0.1:4566/_aws/execute-api/", {"Ref": "Api"}]]}
    assert changed["Outputs"] == {"Kept": {"Value": "as it is"}, "Url": {"Value": joined}}


def test_rewrites_do_not_modify_their_input_template() -> None:
    before = template(
        Stream=TestMappings.STREAM,
        Mapping=TestMappings.MAPPING,
        Alarm=resource("AWS::CloudWatch::Alarm", Namespace="Stresswatch"),
        Drift=TestImageFunctions.FUNCTION,
        Policy=TestPlainHttp.policy("AWS::S3::BucketPolicy", TestPlainHttp.TLS_ONLY),
        Workflow=TestTraining().machine(),
    )
    kept = copy.deepcopy(before)
    changed = rewrite(before, TestTraining.CONTEXT)
    assert before == kept
    assert changed["Outputs"] == before["Outputs"]


def test_every_rewrite_documents_its_reason() -> None:
    for step in REWRITES:
        assert step.__doc__
        assert len(step.__doc__.splitlines()) > 2


def _interleave(pieces: list[str], intrinsic: Any) -> list[Any]:
    joined: list[Any] = [pieces[0]]
    for piece in pieces[1:]:
        joined += [intrinsic, piece]
    return joined


def _mark(intrinsic: Any) -> str:
    return f"<{next(iter(intrinsic.values()))}>"


def _joined(definition: dict[str, Any]) -> str:
    _, pieces = definition["Fn::Join"]
    return "".join(piece if isinstance(piece, str) else _mark(piece) for piece in pieces)
