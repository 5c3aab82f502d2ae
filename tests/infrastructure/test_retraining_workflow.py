"""The retraining workflow in the template: the training job, the states, and approval."""

import json
import re

import pytest

from cdk_app.settings.stages import STAGES
from tests.infrastructure.conftest import actions, definition, states, synthesize

LIMIT = (
    "The account-level service limit 'ml.m5.large for spot training job usage' is {} Instances, "
)
USED = "with current utilization of {} Instances and a request delta of 1 Instances. Please ask."


def test_a_training_jobs_volume_is_encrypted_with_the_stacks_key(template, workflow):
    """The job's role lets EC2 use exactly this key."""
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
def test_an_instance_with_a_local_disk_gets_no_volume_key(
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


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_staging_and_production_retrain_on_a_daily_schedule(stage, request):
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


def test_each_step_gets_its_input_from_the_previous_steps(workflow):
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
    """The targets of a choice, with its default last."""
    state = workflow[name]
    return [choice["Next"] for choice in state["Choices"]] + [state["Default"]]


def test_only_an_accepted_challenger_is_promoted(workflow):
    (accepted,) = workflow["Accepted?"]["Choices"]
    assert (accepted["Variable"], accepted["BooleanEquals"]) == ("$.gate.accepted", True)
    assert choices(workflow, "Accepted?") == ["Shadows?", "NotifyRejected"]
    assert choices(workflow, "Shadows?") == ["Shadow", "NeedsApproval?"]
    assert choices(workflow, "NeedsApproval?") == ["NotifyAwaitingApproval", "Promote"]
    assert workflow["Promote"]["Next"] == "NotifyPromoted"
    assert workflow["NotifyPromoted"]["Next"] == "OnProbation?"


def test_a_shadowing_challenger_is_judged_again_on_live_posts(workflow):
    (shadows,) = workflow["Shadows?"]["Choices"]
    assert (shadows["Variable"], shadows["NumericGreaterThan"]) == ("$.gate.shadow_seconds", 0)
    assert workflow["Shadow"]["Next"] == "WhileItShadows"
    assert workflow["WhileItShadows"]["TimestampPath"] == "$.shadow.end"
    assert workflow["Compare"]["Parameters"] == {
        "version.$": "$.gate.version",
        "parent.$": "$.gate.parent",
        "basis.$": "$.gate.basis",
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
    assert gate["Environment"]["Variables"]["PROBATION_SECONDS"] == seconds


def test_on_probation_the_previous_champion_shadows_the_new_one(workflow):
    (asked,) = workflow["OnProbation?"]["Choices"]
    assert (asked["Variable"], asked["NumericGreaterThan"]) == ("$.gate.probation_seconds", 0)
    assert choices(workflow, "OnProbation?") == ["BeginProbation", "Promoted"]
    assert workflow["BeginProbation"]["Parameters"] == {
        "version.$": "$.gate.champion.version",
        "uri.$": "$.gate.champion.uri",
        "sha256.$": "$.gate.champion.sha256",
        "seconds.$": "$.gate.probation_seconds",
        "on_probation.$": "$.gate.version",
    }
    assert workflow["BeginProbation"]["Next"] == "LookAtChampion"


def test_a_new_champion_is_judged_until_it_is_kept_or_replaced(workflow):
    assert workflow["LookAtChampion"]["Parameters"] == {
        "version.$": "$.gate.version",
        "previous.$": "$.gate.champion",
        "basis.$": "$.gate.basis",
        "start.$": "$.probation.start",
        "end.$": "$.probation.end",
    }
    assert {
        choice["StringEquals"]: choice["Next"]
        for choice in workflow["StillTheChampion?"]["Choices"]
    } == {"goes_on": "WhileOnProbation", "rolled_back": "NotifyRolledBack", "kept": "NotifyKept"}
    assert workflow["StillTheChampion?"]["Default"] == "Overtaken"
    assert workflow["WhileOnProbation"]["TimestampPath"] == "$.judgement.next"
    assert workflow["WhileOnProbation"]["Next"] == "SettleProbation"
    assert workflow["SettleProbation"]["Next"] == "LookAtChampion"


@pytest.mark.parametrize(
    ("state", "span"), [("SettleShadowed", "$.shadow"), ("SettleProbation", "$.probation")]
)
def test_predictions_are_settled_before_versions_are_compared(workflow, state, span):
    settle = workflow[state]
    assert settle["Resource"].endswith(":states:::states:startExecution.sync:2")
    assert "MonitoringWorkflow" in settle["Parameters"]["StateMachineArn"]
    given = settle["Parameters"]["Input"]
    assert (given["start.$"], given["end.$"]) == (f"{span}.start", f"{span}.end")
    assert given["settle_only"] is True, "alarms are on the windows of the grid alone"
    assert settle["ResultPath"] is None
    (caught,) = settle["Catch"]
    assert caught["Next"] == "NotifyFailed"


def test_a_retraining_waits_for_a_running_probation(workflow):
    waits = workflow["Admitted?"]["Choices"][1]
    assert (waits["Variable"], waits["IsString"]) == ("$.admission.again_at", True)
    assert workflow["AwaitProbation"]["TimestampPath"] == "$.admission.again_at"
    assert workflow["AwaitProbation"]["Next"] == "Admit"


def test_the_workflow_timeout_covers_all_its_waits(production):
    settings = STAGES["prod"].retraining
    waits = settings.shadow_minutes + settings.approval_hours * 60 + settings.cool_down_minutes
    waits += 2 * settings.probation_minutes
    assert definition(production)["TimeoutSeconds"] > 60 * waits


def test_with_manual_approval_only_approved_models_are_promoted(workflow):
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
def test_production_requires_manual_approval(stage, asks, request):
    template = request.getfixturevalue("template" if stage == "dev" else stage)
    gate = template.one("AWS::Lambda::Function", "RetrainingGateFunction")
    assert gate["Environment"]["Variables"]["REQUIRES_APPROVAL"] == asks


def test_a_retraining_without_admission_or_labels_trains_nothing(workflow):
    assert choices(workflow, "Admitted?") == ["BuildDataSet", "AwaitProbation", "Suppressed"]
    assert workflow["Suppressed"]["Type"] == "Succeed"
    assert choices(workflow, "EnoughNewLabels?") == ["FirstAttempt", "Declined", "NotifyDeclined"]
    enough, scheduled = workflow["EnoughNewLabels?"]["Choices"]
    assert (enough["Variable"], enough["IsNull"]) == ("$.dataset.declined", True)
    assert {"Variable": "$.trigger", "StringEquals": "schedule"} in scheduled["And"]


def test_spot_training_may_wait_as_long_as_it_may_run(workflow):
    parameters = workflow["TrainModel"]["Parameters"]
    assert parameters["EnableManagedSpotTraining"] is True
    assert parameters["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }


def test_only_a_training_job_without_an_instance_is_retried(workflow):
    (catch,) = workflow["TrainModel"]["Catch"]
    assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "OutOfCapacity?")
    assert choices(workflow, "OutOfCapacity?") == ["WaitForCapacity", "NotifyFailed"]
    (again,) = workflow["OutOfCapacity?"]["Choices"]
    assert {"Variable": "$.attempt.number", "NumericLessThan": 4} in again["And"]
    assert "States.MathAdd($.attempt.number, 1)" in json.dumps(workflow["NextAttempt"])
    assert workflow["NextAttempt"]["Next"] == "TrainModel"


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
def test_only_temporary_capacity_errors_are_retried(workflow, error, cause, next_state):
    state = {"error": {"Error": error, "Cause": cause}, "attempt": {"number": 1}}
    assert chosen(workflow["OutOfCapacity?"], state) == next_state


def chosen(choice, state):
    """Return the next state of a choice."""
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


def test_any_failure_sends_a_notification_and_fails_the_execution(workflow):
    probation = ("BeginProbation", "LookAtChampion")
    for name in ("Admit", "BuildDataSet", "Gate", "Shadow", "Compare", "Promote", *probation):
        (catch,) = workflow[name]["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "NotifyFailed")
    assert workflow["NotifyFailed"]["Next"] == "Failed"
    assert workflow["Failed"] == {"Type": "Fail", "CausePath": "States.JsonToString($.error)"}


def test_every_state_that_can_fail_has_a_catch(
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
        "NotifyKept",
        "NotifyPromoted",
        "NotifyRejected",
        "NotifyRolledBack",
    }
    for state in told.values():
        (catch,) = state["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "NotifyPlainly")
        assert state["Parameters"]["state.$"] == "$"
        assert len(state["Parameters"]["subject"]) <= 100, "SNS refuses a longer one"
    assert workflow["NotifyPlainly"]["Parameters"]["Message"]["error.$"] == "$.error"
    assert workflow["NotifyPlainly"]["Next"] == "Failed"
