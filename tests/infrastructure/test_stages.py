"""A stage's settings reach the template."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cdk_app.app import synthesize as synthesize_app
from cdk_app.bundling import PROJECT
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from cdk_app.settings.streaming import StreamMode
from cli.deployment.deletion import DeletionPlan, Resource
from stresswatch.settled.places import PREDICTIONS
from tests.infrastructure.conftest import said_at_synthesis, synthesize

SUBNETS = ("subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718")
GROUPS = ("sg-0a1b2c3d4e5f60718",)
ADMINISTRATOR = "arn:aws:iam::123456789012:role/security"
EVERYTHING = {
    "streaming": {
        "mode": StreamMode.ON_DEMAND,
        "enhanced_fan_out": True,
        "parallelization_factor": 2,
    },
    "serving": {"canary_minutes": 15, "provisioned_concurrency": 3},
    "security": {
        "subnet_ids": SUBNETS,
        "security_group_ids": GROUPS,
        "key_administrators": (ADMINISTRATOR,),
        "key_deletion_days": 7,
        "key_rotation_days": 90,
    },
    "storage": {"raw_archive_days": 45, "archive_retention_days": 400},
    "monitoring": {"accepted_estimated_f1": 0.6},
}


@pytest.fixture(scope="module")
def variant(tmp_path_factory):
    """A stage with every optional part, unlike the shipped ones; cdk-nag must find nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STAGES, "dev", STAGES["dev"].changed(**EVERYTHING))
        return synthesize("dev", tmp_path_factory.mktemp("variant"))


def the_alias(one, part):
    """The logical id of the alias of a part's function, which has only this one."""
    (name,) = [name for name in one.resources("AWS::Lambda::Alias") if name.startswith(part)]
    return name


def canary(one, part):
    """How traffic of a part's alias is shifted, and the alarms, by id, that roll it back."""
    update = one.resources("AWS::Lambda::Alias")[the_alias(one, part)]["UpdatePolicy"]
    group = one.one(
        "AWS::CodeDeploy::DeploymentGroup",
        update["CodeDeployLambdaAliasUpdate"]["DeploymentGroupName"]["Ref"],
    )
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    version = {"Fn::GetAtt": [served_version(one, part), "Version"]}
    watched = {}
    for alarm in group["AlarmConfiguration"]["Alarms"]:
        found = one.resources("AWS::CloudWatch::Alarm")[alarm["Name"]["Ref"]]["Properties"]
        dimensions = {each["Name"]: each["Value"] for each in found["Dimensions"]}
        (of,) = [name for name, value in dimensions.items() if value == version]
        assert found["AlarmName"]["Fn::Join"][1][-1] == version, (
            "an alarm that is changed keeps its state: a new version needs a new one"
        )
        watched[found["MetricName"]] = of
    return group["DeploymentConfigName"], watched


def served_version(one, part):
    """The logical id of the version that a part's alias is moved to."""
    alias = one.resources("AWS::Lambda::Alias")[the_alias(one, part)]["Properties"]
    return alias["FunctionVersion"]["Fn::GetAtt"][0]


def test_cfn_lint_finds_no_error_in_any_stage(template, staging, production, variant, tmp_path):
    paths = [tmp_path / f"{number}.json" for number in range(4)]
    for path, one in zip(paths, (template, staging, production, variant), strict=True):
        path.write_text(json.dumps(one.body))
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run(
        [lint, "--non-zero-exit-code", "error", "--regions", "us-east-1", "--", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_an_on_demand_stream_has_no_shard_count(variant, template):
    for stream in variant.properties("AWS::Kinesis::Stream"):
        assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
        assert "ShardCount" not in stream
    assert {stream["ShardCount"] for stream in template.properties("AWS::Kinesis::Stream")} == {1}


def test_with_enhanced_fan_out_the_predictor_has_its_own_consumer(variant, template):
    ((consumer, _),) = variant.resources("AWS::Kinesis::StreamConsumer").items()
    arn = {"Fn::GetAtt": [consumer, "ConsumerARN"]}
    mapping = variant.one("AWS::Lambda::EventSourceMapping", "Prediction")
    assert mapping["EventSourceArn"] == arn
    (subscribing,) = [
        statement
        for policy in variant.properties("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if "kinesis:SubscribeToShard" in statement["Action"]
    ]
    assert subscribing["Resource"] == arn
    assert subscribing in variant.statements("Prediction")
    assert not template.resources("AWS::Kinesis::StreamConsumer")


def test_the_mapping_has_the_stages_parallelization_factor(variant, template):
    factors = [
        one.one("AWS::Lambda::EventSourceMapping", "Prediction")["ParallelizationFactor"]
        for one in (variant, template)
    ]
    assert factors == [2, 1]


def test_provisioned_concurrency_is_on_the_predictors_alias(variant):
    alias = the_alias(variant, "Prediction")
    assert variant.one("AWS::Lambda::Alias", alias)["ProvisionedConcurrencyConfig"] == {
        "ProvisionedConcurrentExecutions": 3
    }
    mapping = variant.one("AWS::Lambda::EventSourceMapping", "Prediction")
    assert mapping["FunctionName"] == {"Ref": alias}
    service = variant.one("AWS::Lambda::Alias", "WebService")
    assert "ProvisionedConcurrencyConfig" not in service


def test_every_function_and_its_role_are_set_up_for_the_vpc(variant, template):
    functions = variant.resources("AWS::Lambda::Function")
    assert len(functions) == len(template.resources("AWS::Lambda::Function"))
    policies = variant.resources("AWS::IAM::Policy")
    for name, function in functions.items():
        assert function["Properties"]["VpcConfig"] == {
            "SubnetIds": list(SUBNETS),
            "SecurityGroupIds": list(GROUPS),
        }, name
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        assert "ec2:CreateNetworkInterface" in variant.allowed(role), name
        # Lambda refuses a function in a network if its role may not make interfaces yet.
        assert [
            one
            for one in function["DependsOn"]
            if one in policies and {"Ref": role} in policies[one]["Properties"]["Roles"]
        ], name
    assert not [one for one in template.properties("AWS::Lambda::Function") if "VpcConfig" in one]
    for role in template.resources("AWS::IAM::Role"):
        assert not any(action.startswith("ec2:") for action in template.allowed(role))


def test_keys_have_the_stages_administrators_and_periods(variant):
    for key in variant.properties("AWS::KMS::Key"):
        assert (key["PendingWindowInDays"], key["RotationPeriodInDays"]) == (7, 90)
        (administering,) = [
            statement
            for statement in key["KeyPolicy"]["Statement"]
            if statement["Principal"] == {"AWS": ADMINISTRATOR}
        ]
        assert "kms:ScheduleKeyDeletion" in administering["Action"]
        assert not {"kms:Decrypt", "kms:*"} & set(administering["Action"])


def test_predictions_expire_after_the_stages_retention_period(variant, template):
    def expiring(one):
        rules = one.one("AWS::S3::Bucket", "StorageArchive")["LifecycleConfiguration"]["Rules"]
        return {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}

    raw = dict.fromkeys(("predictions/", "shadow/"), 45)
    for_judging = dict.fromkeys(("settled-shadow/", "settled-shadow-summaries/"), 45)
    settled = dict.fromkeys(PREDICTIONS.made, 400)
    found = expiring(variant)
    assert {prefix: found[prefix] for prefix in raw | for_judging | settled} == (
        raw | for_judging | settled
    )
    found = expiring(template)
    assert found["predictions/"] == 30
    assert not settled.keys() & found.keys(), "they are kept for ever"


def test_an_alarm_on_estimated_f1_is_optional(variant, template):
    alarm = variant.one("AWS::CloudWatch::Alarm", "DriftEstimatedQualityAlarm")
    names = ("MetricName", "Threshold", "DatapointsToAlarm", "EvaluationPeriods")
    assert [alarm[name] for name in names] == ["EstimatedF1", 0.6, 3, 4]
    alarms = template.resources("AWS::CloudWatch::Alarm")
    assert not [name for name in alarms if "EstimatedQuality" in name]


@pytest.mark.parametrize(
    ("stage", "minutes"), [("template", 5), ("staging", 5), ("production", 10)]
)
def test_new_code_gets_ten_percent_first_and_rolls_back_on_an_alarm(stage, minutes, request):
    one = request.getfixturevalue(stage)
    assert canary(one, "Prediction") == (
        f"CodeDeployDefault.LambdaCanary10Percent{minutes}Minutes",
        {"Errors": "ExecutedVersion", "PartialBatchFailures": "version"},
    )
    mapping = one.one("AWS::Lambda::EventSourceMapping", "Prediction")
    assert mapping["FunctionName"] == {"Ref": the_alias(one, "Prediction")}


def test_new_web_service_code_gets_ten_percent_of_requests_first(variant):
    assert canary(variant, "WebService") == (
        "CodeDeployDefault.LambdaCanary10Percent15Minutes",
        {"Errors": "ExecutedVersion", "ServerErrors": "version"},
    )
    alias = {"Ref": the_alias(variant, "WebService")}
    (integration,) = variant.properties("AWS::ApiGatewayV2::Integration")
    assert integration["IntegrationUri"] == alias
    (permission,) = [
        found
        for found in variant.properties("AWS::Lambda::Permission")
        if found["Principal"] == "apigateway.amazonaws.com"
    ]
    assert permission["FunctionName"] == alias


def test_a_firing_alarm_does_not_block_the_deployment_of_a_fix(any_stage, variant):
    """CodeDeploy watches nothing on the function as a whole: see `canary`."""
    for one in (any_stage, variant):
        groups = one.resources("AWS::CodeDeploy::DeploymentGroup")
        for alias in one.resources("AWS::Lambda::Alias"):
            canary(one, next(part for part in ("Prediction", "WebService") if part in alias))
        assert len(groups) == len(one.resources("AWS::Lambda::Alias"))


def test_a_forced_deployment_skips_the_canary(tmp_path, staging):
    forced = synthesize("staging", tmp_path, force=True)
    for one, has_canary in ((staging, True), (forced, False)):
        for alias in one.resources("AWS::Lambda::Alias").values():
            assert ("UpdatePolicy" in alias) is has_canary
    assert set(forced.body["Resources"]) == set(staging.body["Resources"])
    assert any("Forced: new code" in said for said in said_at_synthesis(tmp_path))


@pytest.mark.parametrize(("force", "is_forced"), [("", False), ("1", True)])
def test_force_is_set_by_an_environment_variable(force, is_forced, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("FORCE", force)
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setattr("cdk_app.app.StresswatchStack", lambda app, _: asked.append(app))
    synthesize_app()
    assert bool(asked[0].node.try_get_context("force")) is is_forced


def test_make_passes_force_to_the_synthesis():
    command = ["make", "--dry-run", "release", "STAGE=prod", "FORCE=1"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "STAGE=prod FORCE=1 " in done.stdout


def test_an_invalid_force_value_is_rejected(monkeypatch):
    monkeypatch.setenv("FORCE", "yes")
    with pytest.raises(InvalidStage, match="FORCE is 'yes'; it must be 1"):
        synthesize_app()


@pytest.mark.parametrize("part", ["Prediction", "WebService"])
def test_the_release_role_may_move_only_its_own_alias(variant, part):
    (function,) = [
        name for name in variant.resources("AWS::Lambda::Function") if name.startswith(part)
    ]
    (moving,) = [
        statement
        for statement in variant.statements(f"{part}Release")
        if "lambda:UpdateAlias" in statement["Action"]
    ]
    arn = {"Fn::GetAtt": [function, "Arn"]}
    assert moving["Resource"] == [arn, {"Fn::Join": ["", [arn, ":live"]]}]
    assert variant.allowed(f"{part}Release") == {
        "cloudwatch:DescribeAlarms",
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
    }


def test_a_deletion_keeps_the_data_of_production_but_not_of_dev(template, production):
    def left(one):
        resources = (
            Resource(resource["Type"], name, name)
            for name, resource in one.body["Resources"].items()
        )
        plan = DeletionPlan.of(one.body, resources)
        return Counter(resource.kind for resource in plan.left), len(plan.emptied)

    buckets = len(template.resources("AWS::S3::Bucket"))
    assert left(template) == ({}, buckets)
    assert left(production) == (
        {
            "AWS::S3::Bucket": buckets,
            "AWS::KMS::Key": 2,
            "AWS::Kinesis::Stream": 2,
            "AWS::DynamoDB::Table": 1,
            "AWS::SageMaker::ModelPackageGroup": 1,
            "AWS::SecretsManager::Secret": 1,
        },
        0,
    )


@pytest.mark.parametrize("mode", StreamMode)
def test_a_stream_mode_can_be_set_by_its_name(mode, tmp_path, monkeypatch):
    monkeypatch.setitem(STAGES, "dev", STAGES["dev"].changed(streaming={"mode": str(mode)}))
    for stream in synthesize("dev", tmp_path).properties("AWS::Kinesis::Stream"):
        assert stream["StreamModeDetails"] == {"StreamMode": mode.name}
