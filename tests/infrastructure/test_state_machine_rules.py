"""Faults for which Step Functions would refuse a state machine are found."""

import pytest

from verification.aws import jsonata_states, state_machines


@pytest.fixture
def definition(prod):
    definitions = dict(state_machines.definitions(prod))
    return next(one for name, one in definitions.items() if name.startswith("Retraining"))


def test_a_state_of_an_unknown_type_is_found(definition):
    definition["States"]["Admit"]["Type"] = "Tusk"
    assert any("E3601" in found for found in state_machines.language_faults(definition))


def test_missing_and_unreachable_states_are_found(definition):
    definition["States"]["BuildDataSet"]["Next"] = "EnoughLabels?"
    assert list(state_machines.path_faults(definition)) == [
        "there is no state EnoughLabels?",
        "nothing comes to the state EnoughNewLabels?",
    ]


@pytest.fixture
def monitoring(prod):
    definitions = dict(state_machines.definitions(prod))
    return next(one for name, one in definitions.items() if name.startswith("Monitoring"))


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("{% $states.input. %}", "it cannot be parsed"),
        ("{% $count($states.result %}", "it cannot be parsed"),
        ("{% $states.result", "it does not end with %}"),
        ("{% $eval('1') %}", "Step Functions has no $eval"),
    ],
)
def test_an_invalid_jsonata_expression_is_found(monitoring, expression, fault):
    assert list(jsonata_states.expression_faults(monitoring)) == []
    inner = monitoring["States"]["MeasureDrift"]["ItemProcessor"]["States"]["Drift"]
    inner["Catch"][0]["Output"]["unfinished"] = expression
    (found,) = jsonata_states.expression_faults(monitoring)
    assert found.startswith(f"Drift: {expression}: ")
    assert fault in found


def test_an_inline_map_over_the_concurrency_limit_is_found(monitoring):
    assert list(jsonata_states.map_faults(monitoring)) == []
    monitoring["States"]["SettleShards"]["MaxConcurrency"] = 41
    (found,) = jsonata_states.map_faults(monitoring)
    assert found == "SettleShards: 41 items at a time, of 40 in an inline map"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"TrainingJobName": "a.b"}, "is not of the pattern"),
        ({"TrainingJobName": "a" * 64}, "64 of at most 63"),
        ({"ResourceConfig": {"InstanceCount": 1, "InstanceType": "m5"}}, "'m5' is none of"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "0 of at least 1"),
        ({"RoleARN": "arn"}, 'Unknown parameter in input: "RoleARN"'),
        ({"Tags": [{"Key": "stage"}]}, 'Missing required parameter in Tags[0]: "Value"'),
    ],
)
def test_invalid_service_parameters_are_found(definition, change, fault):
    parameters = definition["States"]["TrainModel"]["Parameters"]
    parameters.pop("TrainingJobName.$")
    parameters |= {"TrainingJobName": "v1-1"} | change
    assert any(fault in found for found in state_machines.integration_faults(definition))


@pytest.mark.parametrize(
    ("resource", "fault"),
    [
        ("states:::sagemaker:createTrainingJob.synch", "there is no integration"),
        ("states:::sagemaker:createTrainingJob.waitForTaskToken", "there is no integration"),
        ("states:::aws-sdk:sagemaker:createTrainingJob.sync", "there is no integration"),
        ("states:::kinesis:putRecord", "there is no integration"),
        ("states:::sagemaker:listModels", "there is no integration"),
        ("states:::sagemaker:createModel.sync", "there is no integration"),
        ("states:::dynamodb:query", "there is no integration"),
        ("states:::lambda:listFunctions", "there is no integration"),
        ("states:::aws-sdk:sagemaker:createTrainingJobs", "there is no call"),
        ("states:::aws-sdk:sagemakr:createTrainingJob", "there is no call"),
        ("states:::sagemaker:createTrainingJob:sync", "is not a function, activity or integration"),
        ("states:::sagemaker:CreateTrainingJob", "is not a function, activity or integration"),
        ("lambda:us-east-1:123456789012:funktion:a", "is not a function, activity or integration"),
        ("states:::aws-sdk:sagemaker:createTrainingJob.waitForTaskToken", "does not pass on"),
    ],
)
def test_an_invalid_task_resource_is_found(definition, resource, fault):
    definition["States"]["TrainModel"]["Resource"] = f"arn:aws:{resource}"
    assert any(fault in found for found in state_machines.integration_faults(definition))


def call(definition, resource, **parameters):
    """Make a state call something else; return the findings."""
    definition["States"]["TrainModel"] |= {
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": parameters,
    }
    return list(state_machines.integration_faults(definition))


MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:a"


@pytest.mark.parametrize("resource", ["aws-sdk:sfn:startExecution", "states:startExecution"])
def test_a_parameter_without_its_capital_is_found(definition, resource):
    assert call(definition, resource, StateMachineArn=MACHINE, **{"Input.$": "$"}) == []
    found = call(definition, resource, stateMachineArn=MACHINE)
    assert any("stateMachineArn, without its capital" in one for one in found)


def test_a_nested_parameter_without_its_capital_is_found(definition):
    asked = {"Name": "a", "RoleArn": "arn:aws:iam::123456789012:role/a", "Definition": "{}"}
    resource, logs = "aws-sdk:sfn:createStateMachine", {"includeExecutionData": True}
    (found,) = call(definition, resource, **asked, LoggingConfiguration=logs)
    assert "includeExecutionData, without its capital" in found
    logs = {"IncludeExecutionData": True}
    assert call(definition, resource, **asked, LoggingConfiguration=logs) == []


@pytest.mark.parametrize(
    ("operation", "is_there"), [("getObject", True), ("listObjectsV2", True), ("putObject", False)]
)
def test_an_item_reader_must_use_a_read_operation(prod, operation, is_there):
    definitions = dict(state_machines.definitions(prod))
    (scoring,) = [one for name, one in definitions.items() if name.startswith("Scoring")]
    (reads,) = [one for one in scoring["States"].values() if "ItemReader" in one]
    reads["ItemReader"]["Resource"] = f"arn:aws:states:::s3:{operation}"
    found = list(state_machines.integration_faults(scoring))
    assert any("there is no integration" in one for one in found) is not is_there


def test_a_wait_that_does_not_pass_its_task_token_is_found(prod):
    definitions = dict(state_machines.definitions(prod))
    (waiting,) = [one for one in definitions.values() if "AwaitApproval" in one["States"]]
    assert list(state_machines.integration_faults(waiting)) == []
    waiting["States"]["AwaitApproval"]["Parameters"]["Payload"].pop("token.$")
    (found,) = state_machines.integration_faults(waiting)
    assert "waits for a task token" in found


@pytest.mark.parametrize("way", ["Retry", "Catch"])
def test_an_unknown_error_name_is_found(definition, way):
    definition["States"]["Admit"][way][0]["ErrorEquals"] = ["States.TimeOut"]
    assert list(state_machines.error_faults(definition)) == [
        "Admit: there is no error States.TimeOut"
    ]


def test_an_overlong_notification_subject_is_found(definition):
    definition["States"]["NotifyPlainly"]["Parameters"]["Subject"] = "a" * 101
    assert any(".Subject" in found for found in state_machines.integration_faults(definition))


def test_every_service_call_is_checked(definition, monkeypatch):
    called = []
    monkeypatch.setattr(
        state_machines, "all_faults", lambda operation, _: called.append(operation.name) or []
    )
    list(state_machines.integration_faults(definition))
    assert {"CreateTrainingJob", "Invoke", "Publish"} <= set(called)
