"""The loop: what feeds what, what watches what, what starts what."""

import json
import re
from datetime import timedelta

import pytest

from cdk_app.constructs.monitoring.drift import after_each_window
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES, stage_named
from stresswatch.monitoring.windows import LAG
from tests.infrastructure.conftest import PLAIN, actions, states, synthesize


def test_posts_reach_the_predictor_by_the_stages_settings(template):
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


def test_zip_functions_run_python_3_13_on_arm64_with_both_layers(template):
    functions = template.properties("AWS::Lambda::Function")
    zipped = [function for function in functions if function.get("PackageType") != "Image"]
    assert len(zipped) == 12
    for function in zipped:
        assert function["Runtime"] == "python3.13"
        assert len(function["Layers"]) == 2
    assert {tuple(function["Architectures"]) for function in functions} == {("arm64",)}


def test_every_function_has_traces_settings_and_a_log_group_that_forgets(template):
    for function in template.properties("AWS::Lambda::Function"):
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert "LogGroup" in function["LoggingConfig"]
        variables = function["Environment"]["Variables"]
        assert variables["STAGE"] == "dev"
        assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "Stresswatch"
    for group in template.properties("AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == 7


def test_the_drift_function_is_an_image_and_runs_once_a_window(template):
    (drift,) = [
        function
        for function in template.properties("AWS::Lambda::Function")
        if function.get("PackageType") == "Image"
    ]
    assert drift["Environment"]["Variables"]["MINIMUM_WINDOW_POSTS"] == "200"
    schedule = template.one("AWS::Scheduler::Schedule", "DriftSchedule")
    assert schedule["ScheduleExpression"] == "cron(2 0/1 * * ? *)"
    target = schedule["Target"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith("DriftDrift")
    assert json.loads(target["Input"]) == {"time": "<aws.scheduler.scheduled-time>"}


def test_every_schedule_starts_one_thing_under_a_role_for_it_alone(any_stage):
    schedules = any_stage.resources("AWS::Scheduler::Schedule")
    assert len(schedules) == (3 if any_stage.is_protected else 2)
    for name, schedule in schedules.items():
        target = schedule["Properties"]["Target"]
        role = target["RoleArn"]["Fn::GetAtt"][0]
        trust = any_stage.body["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]
        (trusted,) = trust["Statement"]
        assert trusted["Principal"] == {"Service": "scheduler.amazonaws.com"}
        assert trusted["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
        action = {"Ref": "states:StartExecution"}.get(
            next(iter(target["Arn"])), "lambda:InvokeFunction"
        )
        granted = {
            one: found["Resource"] for found in any_stage.statements(role) for one in actions(found)
        }
        queue = target["DeadLetterConfig"]["Arn"]
        assert granted.pop(action) == target["Arn"], name
        assert granted.pop("sqs:SendMessage") == queue
        assert set(granted) == {"kms:Decrypt", "kms:GenerateDataKey"}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600
        policies = any_stage.resources("AWS::IAM::Policy")
        assert any(one in policies for one in schedule["DependsOn"]), "the first run would be lost"


def test_a_training_jobs_volume_is_encrypted_with_the_stacks_key(template, workflow):
    """Which the job's role lets EC2 use, and nothing else."""
    volume = workflow["TrainModel"]["Parameters"]["ResourceConfig"]
    output = workflow["TrainModel"]["Parameters"]["OutputDataConfig"]
    assert volume["VolumeKmsKeyId"] == output["KmsKeyId"]
    (granting,) = [
        one
        for one in template.statements("RetrainingTrainingRole")
        if "kms:CreateGrant" in actions(one)
    ]
    assert granting["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@pytest.mark.parametrize(
    ("instance_type", "is_on_local_disk"),
    [
        ("ml.m5.large", False),
        ("ml.c6i.2xlarge", False),
        ("ml.p3.2xlarge", False),
        ("ml.m5d.large", True),
        ("ml.c6gd.xlarge", True),
        ("ml.r5dn.large", True),
        ("ml.g4dn.xlarge", True),
        ("ml.g5.xlarge", True),
        ("ml.p4d.24xlarge", True),
        ("ml.p5.48xlarge", True),
        ("ml.trn1.2xlarge", True),
    ],
)
def test_an_instance_with_a_disk_of_its_own_gets_no_volume_key(
    instance_type, is_on_local_disk, tmp_path, monkeypatch
):
    stage = STAGES["dev"].changed(retraining={"training_instance_type": instance_type})
    assert stage.retraining.trains_on_local_disk is is_on_local_disk
    if instance_type == "ml.g4dn.xlarge":
        monkeypatch.setitem(STAGES, "dev", stage)
        template = synthesize("dev", tmp_path)
        assert (
            "VolumeKmsKeyId" not in states(template)["TrainModel"]["Parameters"]["ResourceConfig"]
        )
        assert "kms:CreateGrant" not in template.allowed("RetrainingTrainingRole")


def test_no_rule_has_a_schedule_which_is_legacy(any_stage):
    for rule in any_stage.properties("AWS::Events::Rule"):
        assert "ScheduleExpression" not in rule


@pytest.mark.parametrize(
    ("minutes", "expression"),
    [(5, "2/5 * * * ? *"), (60, "2 0/1 * * ? *"), (1440, "2 0/24 * * ? *")],
)
def test_the_drift_monitor_runs_after_each_window_of_the_day(minutes, expression):
    assert after_each_window(minutes) == f"cron({expression})"


def test_a_window_is_looked_at_when_no_predictor_works_on_it_any_more(template):
    predictor = template.one("AWS::Lambda::Function", "PredictionPredictor")
    assert timedelta(seconds=predictor["Timeout"]) < LAG


def test_the_drift_alarm_watches_the_share_and_takes_silence_for_no_drift(template):
    alarm = template.one("AWS::CloudWatch::Alarm", "DriftAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("Stresswatch", "DriftShare")
    assert alarm["Dimensions"] == [{"Name": "Stage", "Value": "dev"}]
    assert (alarm["Statistic"], alarm["Period"]) == ("Maximum", 3600)
    assert alarm["Threshold"] == 0.05
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["EvaluationPeriods"] == 1
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "Notifications" in json.dumps(alarm["AlarmActions"])


def test_a_monitor_that_falls_silent_is_an_alarm_of_its_own(template):
    alarm = template.one("AWS::CloudWatch::Alarm", "DriftHeartbeat")
    assert (alarm["MetricName"], alarm["Statistic"]) == ("WindowPosts", "SampleCount")
    assert alarm["TreatMissingData"] == "missing"
    assert "Notifications" in json.dumps(alarm["InsufficientDataActions"])


def test_the_drift_alarm_starts_a_retraining_and_no_other_alarm_does(template):
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


def test_the_alarm_on_live_quality_fires_on_the_interval_and_starts_a_retraining(template):
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


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_a_schedule_comes_back_to_what_was_suppressed_or_declined(stage, request):
    template = request.getfixturevalue(stage)
    schedule = template.one("AWS::Scheduler::Schedule", "RetrainingOnSchedule")
    assert schedule["ScheduleExpression"] == "rate(1 day)"
    assert json.loads(schedule["Target"]["Input"])["trigger"] == "schedule"


def test_the_workflow_trains_in_a_sagemaker_job_and_waits_for_it(workflow):
    train = workflow["TrainModel"]
    assert train["Resource"].endswith(":states:::sagemaker:createTrainingJob.sync")
    parameters = train["Parameters"]
    assert "$.dataset.version, $.attempt.number" in parameters["TrainingJobName.$"]
    (channel,) = parameters["InputDataConfig"]
    assert channel["ChannelName"] == "train"
    assert channel["DataSource"]["S3DataSource"]["S3Uri.$"] == "$.dataset.dataset_uri"
    assert parameters["HyperParameters"]["k"] == "5"
    assert parameters["EnableNetworkIsolation"] is True
    assert "KmsKeyId" in parameters["OutputDataConfig"]


def test_each_step_gets_what_it_needs_of_the_steps_before(workflow):
    for name in ("BuildDataSet", "Promote"):
        assert "Parameters" not in workflow[name]  # the whole state
    assert workflow["Admit"]["Parameters"] == {
        "execution.$": "$$.Execution.Id",
        "request.$": "$",
    }
    assert workflow["Gate"]["Parameters"] == {
        "version.$": "$.dataset.version",
        "dataset_uri.$": "$.dataset.dataset_uri",
        "training.$": "$.training",
    }


def choices(workflow, name):
    """What a choice leads to, with its default last."""
    state = workflow[name]
    return [choice["Next"] for choice in state["Choices"]] + [state["Default"]]


def test_only_an_accepted_challenger_is_promoted(workflow):
    (accepted,) = workflow["Accepted?"]["Choices"]
    assert (accepted["Variable"], accepted["BooleanEquals"]) == ("$.gate.accepted", True)
    assert choices(workflow, "Accepted?") == ["Shadows?", "NotifyRejected"]
    assert choices(workflow, "Shadows?") == ["Shadow", "NeedsApproval?"]
    assert choices(workflow, "NeedsApproval?") == ["NotifyAwaitingApproval", "Promote"]
    assert workflow["Promote"]["Next"] == "NotifyPromoted"


def test_a_challenger_that_shadows_is_judged_once_more_by_what_it_said(workflow):
    (shadows,) = workflow["Shadows?"]["Choices"]
    assert (shadows["Variable"], shadows["NumericGreaterThan"]) == ("$.gate.shadow_seconds", 0)
    assert workflow["Shadow"]["Next"] == "WhileItShadows"
    assert workflow["WhileItShadows"]["TimestampPath"] == "$.shadow.end"
    assert workflow["Compare"]["Parameters"] == {
        "version.$": "$.gate.version",
        "parent.$": "$.gate.parent",
        "start.$": "$.shadow.start",
        "end.$": "$.shadow.end",
    }
    (still,) = workflow["StillAccepted?"]["Choices"]
    assert (still["Variable"], still["BooleanEquals"]) == ("$.comparison.accepted", True)
    assert choices(workflow, "StillAccepted?") == ["NeedsApproval?", "NotifyRejected"]


@pytest.mark.parametrize(("stage", "seconds"), [("dev", "0"), ("production", "86400")])
def test_production_lets_a_challenger_shadow_for_a_day(stage, seconds, request):
    template = request.getfixturevalue("template" if stage == "dev" else stage)
    gate = template.one("AWS::Lambda::Function", "RetrainingGateFunction")
    assert gate["Environment"]["Variables"]["SHADOW_SECONDS"] == seconds


def test_where_a_person_has_the_last_word_nothing_is_promoted_without_it(workflow):
    assert workflow["NotifyAwaitingApproval"]["Next"] == "AwaitApproval"
    wait = workflow["AwaitApproval"]
    assert wait["Resource"].endswith(":states:::lambda:invoke.waitForTaskToken")
    assert wait["Parameters"]["Payload"]["token.$"] == "$$.Task.Token"
    assert wait["TimeoutSeconds"] == 72 * 3600
    silent, failed = wait["Catch"]
    assert (silent["ErrorEquals"], silent["Next"]) == (["States.Timeout"], "NotifyRejected")
    assert silent["ResultPath"] == "$.approval"
    assert failed["Next"] == "NotifyFailed"
    (approved,) = workflow["Approved?"]["Choices"]
    assert (approved["Variable"], approved["BooleanEquals"]) == ("$.approval.approved", True)
    assert choices(workflow, "Approved?") == ["Promote", "NotifyRejected"]


@pytest.mark.parametrize(("stage", "asks"), [("dev", "false"), ("production", "true")])
def test_production_asks_a_person(stage, asks, request):
    template = request.getfixturevalue("template" if stage == "dev" else stage)
    gate = template.one("AWS::Lambda::Function", "RetrainingGateFunction")
    assert gate["Environment"]["Variables"]["REQUIRES_APPROVAL"] == asks


def test_a_retraining_that_may_not_begin_or_has_too_few_labels_trains_nothing(workflow):
    assert choices(workflow, "Admitted?") == ["BuildDataSet", "Suppressed"]
    assert workflow["Suppressed"]["Type"] == "Succeed"
    assert choices(workflow, "EnoughNewLabels?") == ["FirstAttempt", "Declined", "NotifyDeclined"]
    enough, scheduled = workflow["EnoughNewLabels?"]["Choices"]
    assert (enough["Variable"], enough["IsNull"]) == ("$.dataset.declined", True)
    assert {"Variable": "$.trigger", "StringEquals": "schedule"} in scheduled["And"]


def test_a_training_waits_for_a_spot_instance_as_long_again_as_it_may_take(workflow):
    parameters = workflow["TrainModel"]["Parameters"]
    assert parameters["EnableManagedSpotTraining"] is True
    assert parameters["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }


def test_only_a_training_without_an_instance_is_tried_again_under_another_name(workflow):
    (catch,) = workflow["TrainModel"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "OutOfCapacity?")
    assert choices(workflow, "OutOfCapacity?") == ["WaitForCapacity", "NotifyFailed"]
    (again,) = workflow["OutOfCapacity?"]["Choices"]
    assert {"Variable": "$.attempt.number", "NumericLessThan": 4} in again["And"]
    assert "States.MathAdd($.attempt.number, 1)" in json.dumps(workflow["NextAttempt"])
    assert workflow["NextAttempt"]["Next"] == "TrainModel"


LIMIT = (
    "The account-level service limit 'ml.m5.large for spot training job usage' is {} Instances, "
)
USED = "with current utilization of {} Instances and a request delta of 1 Instances. Please ask."


@pytest.mark.parametrize(
    ("error", "cause", "next_state"),
    [
        ("SageMaker.JobFailed", "CapacityError: Unable to provision requested", "WaitForCapacity"),
        ("SageMaker.JobFailed", "MaxWaitTimeExceeded: no spot", "WaitForCapacity"),
        ("SageMaker.ResourceLimitExceeded", LIMIT.format(1) + USED.format(1), "WaitForCapacity"),
        ("SageMaker.ResourceLimitExceeded", LIMIT.format(0) + USED.format(0), "NotifyFailed"),
        ("SageMaker.ResourceLimitExceeded", LIMIT.format(4) + USED.format(0), "NotifyFailed"),
        ("SageMaker.ResourceLimitExceeded", "another sentence", "NotifyFailed"),
        ("SageMaker.JobFailed", "AlgorithmError: no posts", "NotifyFailed"),
    ],
)
def test_waiting_is_for_what_waiting_changes(workflow, error, cause, next_state):
    state = {"error": {"Error": error, "Cause": cause}, "attempt": {"number": 1}}
    assert chosen(workflow["OutOfCapacity?"], state) == next_state


def chosen(choice, state):
    """Return the state that a choice goes on to."""
    taken = (one["Next"] for one in choice["Choices"] if holds(one, state))
    return next(taken, choice["Default"])


def holds(rule, state):
    match rule:
        case {"And": rules}:
            return all(holds(one, state) for one in rules)
        case {"Or": rules}:
            return any(holds(one, state) for one in rules)
        case {"Not": one}:
            return not holds(one, state)
    value = state
    for name in rule["Variable"].split(".")[1:]:
        value = value.get(name)
    match rule:
        case {"IsPresent": expected}:
            return (value is not None) == expected
        case {"NumericLessThan": limit}:
            return value < limit
        case {"StringMatches": pattern}:
            parts = (re.escape(part) for part in pattern.split("*"))
            return bool(re.fullmatch(".*".join(parts), value))
    raise AssertionError(rule)


def test_whatever_fails_people_are_told_and_the_execution_fails(workflow):
    for name in ("Admit", "BuildDataSet", "Gate", "Shadow", "Compare", "Promote"):
        (catch,) = workflow[name]["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "NotifyFailed")
    assert workflow["NotifyFailed"]["Next"] == "Failed"
    assert workflow["Failed"] == {"Type": "Fail", "CausePath": "States.JsonToString($.error)"}


def test_no_state_that_can_fail_is_without_a_catch_and_what_cannot_be_told_is_published_plainly(
    workflow,
):
    tasks = {name: state for name, state in workflow.items() if state["Type"] == "Task"}
    assert {name for name, state in tasks.items() if "Catch" not in state} == {"NotifyPlainly"}
    told = {name: state for name, state in tasks.items() if name.startswith("Notify")}
    del told["NotifyPlainly"]
    assert set(told) == {
        "NotifyAwaitingApproval",
        "NotifyDeclined",
        "NotifyFailed",
        "NotifyPromoted",
        "NotifyRejected",
    }
    for state in told.values():
        (catch,) = state["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "NotifyPlainly")
        assert state["Parameters"]["state.$"] == "$"
        assert len(state["Parameters"]["subject"]) <= 100, "SNS refuses a longer one"
    assert workflow["NotifyPlainly"]["Parameters"]["Message"]["error.$"] == "$.error"
    assert workflow["NotifyPlainly"]["Next"] == "Failed"


def test_no_deployment_can_write_the_champion_or_what_shadows_it(any_stage):
    assert not any_stage.resources("AWS::SSM::Parameter")
    for output in ("ChampionParameterName", "ShadowParameterName"):
        assert "AWS::StackId" in json.dumps(any_stage.body["Outputs"][output]), (
            "what a deleted stack left would serve in the next one, which cannot read it"
        )


def test_the_outputs_name_what_operators_and_the_local_stack_look_for(template):
    assert set(template.body["Outputs"]) == {
        "CodeCommit",
        "PostsStreamName",
        "PredictionsStreamName",
        "ArchiveBucketName",
        "TrainingBucketName",
        "ModelBucketName",
        "QuarantineBucketName",
        "ChampionParameterName",
        "ShadowParameterName",
        "JournalTableName",
        "RetrainingStateMachineArn",
        "NotificationTopicArn",
        "DriftAlarmName",
        "DriftFunctionName",
        "QualityAlarmName",
        "QualityFunctionName",
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


def test_nothing_needs_a_custom_resource_which_the_local_stack_could_not_run(template):
    kinds = {resource["Type"] for resource in template.body["Resources"].values()}
    assert not [kind for kind in kinds if "Custom" in kind]


@pytest.mark.parametrize("stage", list(STAGES))
def test_production_like_stages_cannot_be_deleted_by_accident(stage):
    assert STAGES[stage].retains_data == (stage != "dev")


def test_an_unknown_stage_is_refused_with_the_known_ones():
    with pytest.raises(InvalidStage, match="'qa'; there are dev, staging, prod"):
        stage_named("qa")


@pytest.mark.parametrize(
    ("group", "setting", "value", "sentence"),
    [
        ("streaming", "batch_size", 10_001, "is 10001; it must be between 1 and 10000"),
        ("streaming", "maximum_record_age_seconds", 90_000, "longer than the stream keeps a rec"),
        ("serving", "champion_ttl_seconds", 61, "is 61; it must be between 1 and 60"),
        ("monitoring", "window_minutes", 45, "is 45; it must divide an hour, or be of whole"),
        ("monitoring", "window_minutes", 300, "is 300; it must divide an hour, or be of whole"),
        ("monitoring", "maximum_window_posts", 400, "is 400; it must be between 500, the"),
        ("monitoring", "drift_share_threshold", 0.0, "is 0.0; it must be between 0.01 and"),
        ("storage", "log_retention_days", 8, "is 8; it must be one of 1, 3, 5,"),
    ],
)
def test_settings_that_cannot_be_are_refused(group, setting, value, sentence):
    with pytest.raises(InvalidStage, match=sentence) as refused:
        PLAIN.changed(**{group: {setting: value}})
    assert str(refused.value).startswith(f"{group}.{setting} is {value}")


def test_the_image_contexts_hold_what_the_images_need_and_nothing_else(assembly_folder, template):
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
        "training_jobs/stress_model": (
            "Dockerfile",
            "requirements.txt",
            "model_card.html.j2",
            "model_card.md.j2",
        ),
    }
    assert contexts == {
        frozenset(f"{folder}/{name}" for name in names) for folder, names in needed.items()
    }
