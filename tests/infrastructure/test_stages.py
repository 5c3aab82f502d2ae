"""The settings of a stage: each is in the template as it says, is checked, and is on its page."""

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from cdk_app.app import synthesize as synthesize_app
from cdk_app.bundling import PROJECT
from cdk_app.settings import documentation
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.sentences import limits_of
from cdk_app.settings.stage import Stage
from cdk_app.settings.stages import STAGES
from cdk_app.settings.streaming import StreamMode
from cli.deployment.deletion import Plan, Resource
from stresswatch.contracts.posts import NUMERIC_FEATURES
from tests.infrastructure.conftest import PLAIN, said_at_synthesis, synthesize

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
    "storage": {"archive_retention_days": 400},
}


@pytest.fixture(scope="module")
def variant(tmp_path_factory):
    """A stage with everything that no stage of ours has; cdk-nag finds nothing, or this fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STAGES, "dev", STAGES["dev"].changed(**EVERYTHING))
        return synthesize("dev", tmp_path_factory.mktemp("variant"))


def the_alias(one, part):
    """The logical id of the alias of a part's function, which is the only one it has."""
    (name,) = [name for name in one.resources("AWS::Lambda::Alias") if name.startswith(part)]
    return name


def canary(one, part):
    """How a part's alias is moved, and the alarms, by their ids, that move it back."""
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


def test_a_stream_on_demand_has_no_number_of_shards(variant, template):
    for stream in variant.properties("AWS::Kinesis::Stream"):
        assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
        assert "ShardCount" not in stream
    assert {stream["ShardCount"] for stream in template.properties("AWS::Kinesis::Stream")} == {1}


def test_with_enhanced_fan_out_the_predictor_alone_reads_a_consumer_of_its_own(variant, template):
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


def test_the_mapping_hands_out_as_many_batches_of_a_shard_as_the_stage_says(variant, template):
    factors = [
        one.one("AWS::Lambda::EventSourceMapping", "Prediction")["ParallelizationFactor"]
        for one in (variant, template)
    ]
    assert factors == [2, 1]


def test_warm_environments_are_those_of_the_alias_that_posts_go_to(variant):
    alias = the_alias(variant, "Prediction")
    assert variant.one("AWS::Lambda::Alias", alias)["ProvisionedConcurrencyConfig"] == {
        "ProvisionedConcurrentExecutions": 3
    }
    mapping = variant.one("AWS::Lambda::EventSourceMapping", "Prediction")
    assert mapping["FunctionName"] == {"Ref": alias}
    service = variant.one("AWS::Lambda::Alias", "WebService")
    assert "ProvisionedConcurrencyConfig" not in service


def test_every_function_is_in_the_network_and_may_be(variant, template):
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
        # Lambda refuses a function in a network whose role may not make interfaces yet.
        assert [
            one
            for one in function["DependsOn"]
            if one in policies and {"Ref": role} in policies[one]["Properties"]["Roles"]
        ], name
    assert not [one for one in template.properties("AWS::Lambda::Function") if "VpcConfig" in one]
    for role in template.resources("AWS::IAM::Role"):
        assert not any(action.startswith("ec2:") for action in template.allowed(role))


def test_keys_have_the_administrators_and_the_periods_of_the_stage(variant):
    for key in variant.properties("AWS::KMS::Key"):
        assert (key["PendingWindowInDays"], key["RotationPeriodInDays"]) == (7, 90)
        (administering,) = [
            statement
            for statement in key["KeyPolicy"]["Statement"]
            if statement["Principal"] == {"AWS": ADMINISTRATOR}
        ]
        assert "kms:ScheduleKeyDeletion" in administering["Action"]
        assert not {"kms:Decrypt", "kms:*"} & set(administering["Action"])


def test_predictions_expire_where_the_stage_says_so(variant, template):
    def expiring(one):
        rules = one.one("AWS::S3::Bucket", "StorageArchive")["LifecycleConfiguration"]["Rules"]
        return {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}

    assert expiring(variant)["predictions/"] == 400
    assert "predictions/" not in expiring(template)


@pytest.mark.parametrize(
    ("stage", "minutes"), [("template", 5), ("staging", 5), ("production", 10)]
)
def test_new_code_gets_a_tenth_of_the_batches_first_and_goes_back_on_an_alarm(
    stage, minutes, request
):
    one = request.getfixturevalue(stage)
    assert canary(one, "Prediction") == (
        f"CodeDeployDefault.LambdaCanary10Percent{minutes}Minutes",
        {"Errors": "ExecutedVersion", "UnfinishedBatches": "version"},
    )
    mapping = one.one("AWS::Lambda::EventSourceMapping", "Prediction")
    assert mapping["FunctionName"] == {"Ref": the_alias(one, "Prediction")}


def test_new_code_of_the_web_service_gets_a_tenth_of_the_requests_first(variant):
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


def test_an_alarm_that_fires_on_what_serves_does_not_hold_up_a_fix(any_stage, variant):
    """Nothing that CodeDeploy watches is of the function as a whole: see `canary`."""
    for one in (any_stage, variant):
        groups = one.resources("AWS::CodeDeploy::DeploymentGroup")
        for alias in one.resources("AWS::Lambda::Alias"):
            canary(one, next(part for part in ("Prediction", "WebService") if part in alias))
        assert len(groups) == len(one.resources("AWS::Lambda::Alias"))


def test_a_forced_deployment_lets_new_code_take_over_at_once(tmp_path, staging):
    forced = synthesize("staging", tmp_path, force=True)
    for one, has_canary in ((staging, True), (forced, False)):
        for alias in one.resources("AWS::Lambda::Alias").values():
            assert ("UpdatePolicy" in alias) is has_canary
    assert set(forced.body["Resources"]) == set(staging.body["Resources"])
    assert any("Forced: new code" in said for said in said_at_synthesis(tmp_path))


@pytest.mark.parametrize(("force", "is_forced"), [("", False), ("1", True)])
def test_force_is_asked_for_by_a_variable_of_the_environment(
    force, is_forced, tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setenv("FORCE", force)
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setattr("cdk_app.app.StresswatchStack", lambda app, _: asked.append(app))
    synthesize_app()
    assert bool(asked[0].node.try_get_context("force")) is is_forced


def test_make_hands_force_to_the_synthesis():
    command = ["make", "--dry-run", "release", "STAGE=prod", "FORCE=1"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "STAGE=prod FORCE=1 " in done.stdout


def test_any_other_force_is_refused_with_a_sentence(monkeypatch):
    monkeypatch.setenv("FORCE", "yes")
    with pytest.raises(InvalidStage, match="FORCE is 'yes'; it must be 1"):
        synthesize_app()


@pytest.mark.parametrize("part", ["Prediction", "WebService"])
def test_what_moves_an_alias_may_move_nothing_else(variant, part):
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


def test_a_deletion_leaves_the_data_of_a_stage_that_keeps_it_and_nothing_else(template, production):
    def left(one):
        resources = (
            Resource(resource["Type"], name, name)
            for name, resource in one.body["Resources"].items()
        )
        plan = Plan.of(one.body, resources)
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


@pytest.mark.parametrize(
    ("group", "settings", "sentence"),
    [
        (
            "streaming",
            {"mode": "both"},
            "streaming.mode is 'both'; it must be one of provisioned, on_demand",
        ),
        ("streaming", {"mode": "ON_DEMAND"}, "it must be one of provisioned, on_demand"),
        ("streaming", {"mode": StreamMode.ON_DEMAND, "shards": 2}, "leave shards out"),
        ("streaming", {"parallelization_factor": 11}, "must be between 1 and 10"),
        ("streaming", {"batch_size": None}, "batch_size is None; it must be a whole number"),
        ("streaming", {"batch_size": 1.5}, "batch_size is 1.5; it must be a whole number"),
        ("streaming", {"batch_size": True}, "batch_size is True; it must be a whole number"),
        ("streaming", {"shards": "2"}, "streaming.shards is '2'; it must be a whole number"),
        ("serving", {"canary_minutes": 7}, "is 7; it must be one of 0, 5, 10, 15, 30"),
        ("serving", {"reasons": "often"}, "it must be one of never, on_request, always"),
        (
            "serving",
            {"provisioned_concurrency": 11, "reserves_concurrency": True},
            "above serving.predictor_concurrency, 10, which bounds it",
        ),
        ("security", {"subnet_ids": SUBNETS}, "go together; one is empty"),
        ("security", {"security_group_ids": GROUPS}, "go together; one is empty"),
        (
            "security",
            {"subnet_ids": ("vpc-1",), "security_group_ids": GROUPS},
            r"security.subnet_ids is \('vpc-1',\); 'vpc-1' must be of the form subnet-",
        ),
        ("security", {"subnet_ids": SUBNETS[0]}, "it must be a tuple of names"),
        ("security", {"subnet_ids": (5,)}, "subnet_ids holds 5; it must be a tuple of names"),
        ("security", {"key_administrators": ("*",)}, r"'\*' must be of the form arn:"),
        ("security", {"key_deletion_days": 6}, "is 6; it must be between 7 and 30"),
        ("storage", {"archive_retention_days": 0}, "storage.archive_retention_days is 0"),
        ("storage", {"archive_retention_days": "1"}, "it must be a whole number or None"),
        ("retraining", {"schedule": "rate(1 days)"}, "as EventBridge writes them"),
        ("retraining", {"schedule": "rate(0 days)"}, "as EventBridge writes them"),
        (
            "retraining",
            {"selected_features": len(NUMERIC_FEATURES) + 1},
            "selected_features is 6; it must be between 1 and 5",
        ),
        ("retraining", {"training_on_spot": "no"}, "is 'no'; it must be True or False"),
        ("retraining", {"tracking_uri": 5}, "tracking_uri is 5; it must be a text or None"),
        ("retraining", {"gate": None}, r"gate is None; it must be Rules\(…\)"),
        ("monitoring", {"accepted_f1": "high"}, "is 'high'; it must be a number"),
        ("monitoring", {"accepted_f1": math.nan}, "is nan; it must be between 0.01 and 1.0"),
        ("monitoring", {"window": 5}, "no setting monitoring.window; did you mean window_minutes"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_in_a_sentence(group, settings, sentence):
    with pytest.raises(InvalidStage, match=sentence) as refused:
        PLAIN.changed(**{group: settings})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {
                "streaming": {"mode": StreamMode.ON_DEMAND, "parallelization_factor": 3},
                "serving": {"reserves_concurrency": True},
            },
            "below the 12 batches at once",
        ),
        (
            {
                "streaming": {"shards": 4, "parallelization_factor": 3},
                "serving": {"reserves_concurrency": True},
            },
            "below the 12 batches at once",
        ),
        ({"web_service": True}, r"web_service is True; it must be WebService\(…\) or None"),
        ({"streaming": None}, r"streaming is None; it must be Streaming\(…\)"),
        ({"windows": {}}, "there is no setting windows"),
        ({"window_minutes": 5}, "no setting window_minutes; did you mean monitoring.window_min"),
    ],
)
def test_what_is_no_group_or_contradicts_another_is_refused(settings, sentence):
    with pytest.raises(InvalidStage, match=sentence):
        PLAIN.changed(**settings)


def test_a_stage_that_says_not_enough_is_refused():
    with pytest.raises(InvalidStage, match="retains_data is missing; it must be True or False"):
        Stage(name="test", requires_byte_code=False)


def test_a_changed_stage_keeps_every_other_setting():
    changed = STAGES["prod"].changed(monitoring={"window_minutes": 30})
    assert changed.monitoring.window_minutes == 30
    assert changed.streaming == STAGES["prod"].streaming
    assert changed.monitoring.changed(window_minutes=60) == STAGES["prod"].monitoring


@pytest.mark.parametrize("name", ["", "Dev", "my stage", "qa-", "-qa", "2nd", "x" * 21])
def test_a_stage_has_a_name_that_everything_that_is_deployed_can_bear(name):
    with pytest.raises(InvalidStage, match="it must be of small letters"):
        STAGES["dev"].changed(name=name)


@pytest.mark.parametrize("mode", StreamMode)
def test_the_mode_of_a_stream_may_be_written_as_its_refusal_names_it(mode, tmp_path, monkeypatch):
    monkeypatch.setitem(STAGES, "dev", STAGES["dev"].changed(streaming={"mode": str(mode)}))
    for stream in synthesize("dev", tmp_path).properties("AWS::Kinesis::Stream"):
        assert stream["StreamModeDetails"] == {"StreamMode": mode.name}


@pytest.mark.parametrize(
    "setting", list(documentation.settings()), ids=lambda setting: setting.path
)
def test_every_setting_has_a_description_and_every_number_limits(setting):
    kinds = (setting.field.annotation, *get_args(setting.field.annotation))
    assert setting.field.description.endswith(".")
    if int in kinds or float in kinds:
        assert limits_of(setting.field), "a number without limits"


def test_the_page_on_stages_has_the_table():
    assert documentation.table() in (PROJECT / "docs" / "stages.md").read_text(), (
        "run `python -m cdk_app.settings` and put its table into docs/stages.md"
    )
