"""The loop: its data flows, alarms and triggers."""

import json
from datetime import timedelta

import pytest

from cdk_app.constructs.monitoring.workflow import after_each_window
from stresswatch.aws import stack_outputs
from stresswatch.settled.windows import LAG
from tests.infrastructure.conftest import actions

NAMES = {
    value
    for name, value in vars(stack_outputs).items()
    if name.isupper() and isinstance(value, str)
}


def test_the_event_source_mapping_has_the_stages_settings(template):
    (mapping,) = template.properties("AWS::Lambda::EventSourceMapping")
    assert mapping["EventSourceArn"]["Fn::GetAtt"][0].startswith("StreamsPosts")
    assert mapping["FunctionName"]["Ref"].startswith("PredictionReleaseAlias")
    assert mapping["BatchSize"] == 500
    assert mapping["MaximumBatchingWindowInSeconds"] == 1
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRetryAttempts"] == -1, "without limit, until the age's is reached"
    assert mapping["MaximumRecordAgeInSeconds"] == 3600
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination["Fn::GetAtt"][0].startswith("StorageQuarantine")


WITH_DUCKDB = {"settle", "quality", "rate", "compare", "probation"}


def test_zip_functions_run_python_3_13_on_arm64_with_their_layers(template):
    functions = template.properties("AWS::Lambda::Function")
    zipped = [function for function in functions if function.get("PackageType") != "Image"]
    assert len(zipped) == 16
    for function in zipped:
        assert function["Runtime"] == "python3.13"
        name = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        assert len(function["Layers"]) == (3 if name in WITH_DUCKDB else 2)
    assert {tuple(function["Architectures"]) for function in functions} == {("arm64",)}


def test_every_function_has_tracing_settings_and_expiring_logs(template):
    for function in template.properties("AWS::Lambda::Function"):
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert "LogGroup" in function["LoggingConfig"]
        variables = function["Environment"]["Variables"]
        assert variables["STAGE"] == "dev"
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Stresswatch"
    for group in template.properties("AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == 7


def test_the_drift_function_is_an_image(template):
    (drift,) = [
        function
        for function in template.properties("AWS::Lambda::Function")
        if function.get("PackageType") == "Image"
    ]
    assert drift["Environment"]["Variables"]["MINIMUM_WINDOW_POSTS"] == "200"


def test_every_schedule_has_its_own_role_for_one_target(any_stage):
    schedules = any_stage.resources("AWS::Scheduler::Schedule")
    assert len(schedules) == (2 if any_stage.is_protected else 1)
    for name, schedule in schedules.items():
        target = schedule["Properties"]["Target"]
        role = target["RoleArn"]["Fn::GetAtt"][0]
        trust = any_stage.body["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]
        (trusted,) = trust["Statement"]
        assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert trusted["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
        granted = {
            one: found["Resource"] for found in any_stage.statements(role) for one in actions(found)
        }
        queue = target["DeadLetterConfig"]["Arn"]
        assert granted.pop("states:StartExecution") == target["Arn"], name
        assert granted.pop("sqs:SendMessage") == queue
        assert set(granted) == {"kms:Decrypt", "kms:GenerateDataKey"}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600
        policies = any_stage.resources("AWS::IAM::Policy")
        assert any(one in policies for one in schedule["DependsOn"]), "the first run would be lost"


def test_no_rule_uses_a_legacy_schedule(any_stage):
    for rule in any_stage.properties("AWS::Events::Rule"):
        assert "ScheduleExpression" not in rule


@pytest.mark.parametrize(
    ("minutes", "expression"),
    [(5, "2/5 * * * ? *"), (60, "2 0/1 * * ? *"), (1440, "2 0/24 * * ? *")],
)
def test_the_monitoring_workflow_runs_after_each_window_of_the_day(minutes, expression):
    assert after_each_window(minutes) == f"cron({expression})"


def test_a_window_is_measured_after_the_predictors_timeout(template):
    predictor = template.one("AWS::Lambda::Function", "PredictionPredictor")
    assert timedelta(seconds=predictor["Timeout"]) < LAG


def test_the_drift_alarm_watches_the_share_and_ignores_missing_data(template):
    alarm = template.one("AWS::CloudWatch::Alarm", "DriftAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Stresswatch", "DriftShare")
    assert alarm["Dimensions"] == [{"Name": "Stage", "Value": "dev"}]
    assert (alarm["Statistic"], alarm["Period"]) == ("Maximum", 3600)
    assert alarm["Threshold"] == 0.05
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "Notifications" in json.dumps(alarm["AlarmActions"])


@pytest.mark.parametrize(
    ("stage", "windows"), [("template", (1, 1)), ("staging", (4, 5)), ("production", (4, 5))]
)
def test_the_alarm_and_the_message_use_the_same_window_counts(stage, windows, request):
    template = request.getfixturevalue(stage)
    alarm = template.one("AWS::CloudWatch::Alarm", "DriftAlarm")
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == windows
    variables = template.one("AWS::Lambda::Function", "DriftDrift")["Environment"]["Variables"]
    names = ("DRIFT_WINDOWS_TO_ALARM", "DRIFT_WINDOWS_EVALUATED")
    assert tuple(int(variables[name]) for name in names) == windows


def test_a_silent_monitor_has_its_own_alarm(template):
    alarm = template.one("AWS::CloudWatch::Alarm", "DriftHeartbeat")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("WindowPosts", "SampleCount")
    assert alarm["TreatMissingData"] == "missing"
    assert "Notifications" in json.dumps(alarm["InsufficientDataActions"])


def test_the_drift_alarm_starts_a_retraining_with_its_reason(template):
    rule = template.one("AWS::Events::Rule", "RetrainingOnDriftAlarm")
    pattern = rule["EventPattern"]
    assert pattern["source"] == ["aws.cloudwatch"]
    assert pattern["detail-type"] == ["CloudWatch Alarm State Change"]
    assert pattern["detail"] == {"state": {"value": ["ALARM"]}}
    (alarm,) = pattern["resources"]
    assert alarm["Fn::GetAtt"][0].startswith("DriftAlarm")
    (target,) = rule["Targets"]
    assert target["Arn"]["Ref"].startswith("RetrainingWorkflow")
    assert target["InputTransformer"] == {
        "InputPathsMap": {"detail-state-reason": "$.detail.state.reason"},
        "InputTemplate": '{"trigger":"drift_alarm","reason":<detail-state-reason>}',
    }
    assert "DeadLetterConfig" in target


def test_the_live_quality_alarm_watches_the_f1_bound_and_retrains(template):
    alarm = template.one("AWS::CloudWatch::Alarm", "QualityAlarm")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("F1UpperBound", "Minimum")
    assert alarm["Dimensions"] == [{"Name": "Stage", "Value": "dev"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0.7, "LessThanThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"
    rule = template.one("AWS::Events::Rule", "RetrainingOnQualityAlarm")
    (source,) = rule["EventPattern"]["resources"]
    assert source["Fn::GetAtt"][0].startswith("QualityAlarm")
    (target,) = rule["Targets"]
    assert '"trigger":"quality_alarm"' in target["InputTransformer"]["InputTemplate"]


def test_deployments_cannot_overwrite_the_champion_or_the_shadow(any_stage):
    assert not any_stage.resources("AWS::SSM::Parameter")
    for output in (stack_outputs.CHAMPION_PARAMETER, stack_outputs.SHADOW_PARAMETER):
        assert "AWS::StackId" in json.dumps(any_stage.body["Outputs"][output]), (
            "what a deleted stack left would serve in the next one, which cannot read it"
        )


def test_the_stack_has_exactly_the_expected_outputs(template):
    assert (
        set(template.body["Outputs"])
        == NAMES - {stack_outputs.LABEL_QUEUE_BUCKET}  # a stage that samples posts has it
        == {
            "CodeCommit",
            "Scorer",
            "TaskDigest",
            "TaskName",
            "PostsStreamName",
            "PredictionsStreamName",
            "ArchiveBucketName",
            "TrainingBucketName",
            "ModelBucketName",
            "QuarantineBucketName",
            "ChampionParameterName",
            "ShadowParameterName",
            "JournalTableName",
            "MonitoringStateMachineArn",
            "PlanFunctionName",
            "SettleFunctionName",
            "RetrainingStateMachineArn",
            "NotificationTopicArn",
            "DriftAlarmName",
            "DriftFunctionName",
            "QualityAlarmName",
            "QualityFunctionName",
            "RateFunctionName",
            "PredictorFunctionName",
            "QueryDatabaseName",
            "QueryWorkgroupName",
            "FailedBatchesQueueName",
            "DeadLettersQueueName",
            "WebServiceUrl",
            "WebServiceApiId",
            "ScoringPartBytes",
            "ScoringStateMachineArn",
        }
    )


def test_the_template_has_no_custom_resources(template):
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    assert not [kind for kind in kinds if "Custom" in kind]


def test_image_contexts_contain_only_the_files_they_need(assembly_folder, template):
    contexts = {
        frozenset(
            str(path.relative_to(folder))
            for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".py"
        )
        for folder in assembly_folder.glob("asset.*")
        if (folder / "layers").exists()
    }
    needed = {
        "lambdas/drift": ("Dockerfile", "requirements.txt"),
        "training_jobs/model": (
            "Dockerfile",
            "requirements.txt",
            "model_card.html.j2",
            "model_card.md.j2",
            "word_pieces.txt",
        ),
    }
    task = "layers/stresswatch/python/stresswatch/task/task.toml"
    assert contexts == {
        frozenset([task, *(f"{folder}/{name}" for name in names)])
        for folder, names in needed.items()
    }
