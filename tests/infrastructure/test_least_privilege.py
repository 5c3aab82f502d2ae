"""Grants that the local stack cannot refuse, checked in the template: each has a use.

AWS's services use keys in a role's name, and the workflow's calls are in its definition.
Calls of functions and pollers are tried in `tests/e2e/test_least_privilege.py`.
"""

import json
import re
from collections import Counter

from stresswatch.settled.places import ARCHIVES
from tests.infrastructure.conftest import LOG_DELIVERY, TRACING, actions

# An upload decrypts the bucket key.
# - https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
# - https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
# - https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
# - https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
# - https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
USES_OF_KEYS = {
    "s3:GetObject": {"kms:Decrypt"},
    "s3:PutObject": {"kms:Decrypt", "kms:GenerateDataKey"},
    "kinesis:GetRecords": {"kms:Decrypt"},
    "kinesis:PutRecords": {"kms:GenerateDataKey"},
    "dynamodb:GetItem": {"kms:Decrypt", "kms:DescribeKey"},
    "dynamodb:PutItem": {"kms:Decrypt", "kms:DescribeKey"},
    "secretsmanager:GetSecretValue": {"kms:Decrypt"},
    "sns:Publish": {"kms:Decrypt", "kms:GenerateDataKey"},
    "sqs:SendMessage": {"kms:Decrypt", "kms:GenerateDataKey"},
}
KEY_PROPERTIES = ("KMSMasterKeyID", "KMSMasterKeyId", "KmsMasterKeyId", "KmsKeyId", "KeyId")


def roles(template):
    return list(template.resources("AWS::IAM::Role"))


def permissions(template, role):
    """Each action with each resource, as often as it is granted."""
    return Counter(
        (action, json.dumps(resource), json.dumps(statement.get("Condition")))
        for statement in template.statements(role)
        for action in actions(statement)
        for resource in as_list(statement["Resource"])
    )


def as_list(value):
    return value if isinstance(value, list) else [value]


def named_resources(text):
    """The logical ids that a part of the template refers to."""
    return set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', text))


def keys_of(template, resource):
    """The key with which a bucket, stream or topic is encrypted, if any."""

    def found(value):
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in KEY_PROPERTIES:
                    yield from named_resources(json.dumps(inner))
                yield from found(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from found(inner)

    return set(found(template.body["Resources"][resource].get("Properties", {})))


def keys_needed(template, role):
    """Key uses of AWS's services in a role's name, by the actions that the role may do."""
    needed = {
        (use, key)
        for action, resource, _ in permissions(template, role)
        for use in USES_OF_KEYS.get(action, ())
        for name in named_resources(resource)
        for key in keys_of(template, name)
    }
    return needed | {
        (use, key)
        for key in keys_of_job_output(template, role)
        # For its output, and its volume.
        for use in ("kms:Encrypt", "kms:CreateGrant")
    }


def keys_of_job_output(template, role):
    """The keys with which the workflow's training job encrypts its output, as `role`."""
    for machine in template.properties("AWS::StepFunctions::StateMachine"):
        definition = json.dumps(machine["DefinitionString"])
        output = re.search(r'KmsKeyId\\":\\"", (\{.*?\})', definition)
        job_role = re.search(r'RoleArn\\":\\"", (\{.*?\})', definition)
        if output and job_role and role in named_resources(job_role[1]):
            return named_resources(output[1])
    return set()


def keys_granted(template, role):
    return {
        (action, name)
        for action, resource, _ in permissions(template, role)
        if action.startswith("kms:")
        for name in named_resources(resource)
    }


def test_a_role_may_use_only_the_keys_of_its_data(template):
    for role in roles(template):
        assert keys_granted(template, role) == keys_needed(template, role), role


def test_roles_read_and_write_encrypted_data(template):
    """Otherwise the test above would compare two empty sets."""
    assert sum(len(keys_needed(template, role)) for role in roles(template)) >= len(roles(template))


def test_no_role_has_a_duplicate_permission(template):
    for role in roles(template):
        assert [one for one, times in permissions(template, role).items() if times > 1] == [], role


# https://docs.aws.amazon.com/step-functions/latest/dg/: sagemaker-iam, cw-logs, xray-iam
TRAINING_JOB = {
    "sagemaker:AddTags",
    "sagemaker:CreateTrainingJob",
    "sagemaker:DescribeTrainingJob",
    "sagemaker:ListTags",
    "sagemaker:StopTrainingJob",
    "iam:PassRole",
    "events:DescribeRule",
    "events:PutRule",
    "events:PutTargets",
}

# https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
NESTED_RUN = {"states:DescribeExecution", "states:StopExecution"}
CALLS = {"lambda:InvokeFunction", "sns:Publish", "states:StartExecution"}
"""Actions of the retraining's states on the stack's resources."""


def called(workflow):
    """The actions of the workflow's tasks, and the stack's resources that they use."""
    for state in workflow.values():
        if state["Type"] != "Task":
            continue
        task = json.dumps(state).replace("'", '"')
        if state["Resource"].endswith("sns:publish"):
            yield "sns:Publish", *re.findall(r"TopicArn.*?Ref\W+(\w+)", task)
        elif "sagemaker:createTrainingJob" in state["Resource"]:
            yield "sagemaker:CreateTrainingJob", ""
        elif "states:startExecution" in state["Resource"]:
            yield "states:StartExecution", *re.findall(r"StateMachineArn.*?Ref\W+(\w+)", task)
        elif "lambda:invoke.waitForTaskToken" in state["Resource"]:
            function = json.dumps(state["Parameters"]["FunctionName"]).replace("'", '"')
            yield "lambda:InvokeFunction", *named_resources(function.replace('\\"', '"'))
        else:
            yield "lambda:InvokeFunction", *named_resources(state["Resource"].replace("'", '"'))


def test_the_workflow_may_make_only_the_calls_in_its_definition(template, workflow):
    granted = permissions(template, "RetrainingWorkflowRole")
    of_stack = {
        (action, name)
        for action, resource, _ in granted
        if action in CALLS
        for name in named_resources(resource)
    }
    calls = set(called(workflow))
    assert {action for action, _ in of_stack} == CALLS
    assert of_stack == {call for call in calls if call[1]}
    assert ("sagemaker:CreateTrainingJob", "") in calls
    keys = {"kms:Decrypt", "kms:GenerateDataKey"}  # for the topic's key, checked above
    others = {action for action, _, _ in granted} - keys - {action for action, _ in of_stack}
    assert others == TRAINING_JOB | NESTED_RUN | LOG_DELIVERY | TRACING


def test_a_retraining_may_follow_only_monitoring_runs(template):
    granted = permissions(template, "RetrainingWorkflowRole")
    followed = {resource for action, resource, _ in granted if action in NESTED_RUN}
    (resource,) = followed
    assert ":execution:stresswatch-dev-monitoring:*" in resource
    rules = {resource for action, resource, _ in granted if action == "events:PutRule"}
    assert [rule for rule in rules if "GetEventsForStepFunctionsExecutionRule" in rule]


def test_the_monitoring_workflow_may_invoke_only_its_functions(template):
    granted = permissions(template, "MonitoringWorkflowRole")
    invoked = [
        name
        for action, resource, _ in granted
        if action == "lambda:InvokeFunction"
        for name in named_resources(resource)
    ]
    steps = ("DriftDrift", "MonitoringPlan", "MonitoringSettle", "QualityQuality", "RateRate")
    assert len(invoked) == len(steps)
    assert all(name.startswith(step) for name, step in zip(sorted(invoked), steps, strict=True))
    others = {action for action, _, _ in granted} - {"lambda:InvokeFunction"}
    assert others == LOG_DELIVERY | TRACING


def test_settling_may_write_only_settled_objects(template):
    written = [
        resource
        for action, resource, _ in permissions(template, "MonitoringSettleRole")
        if action == "s3:PutObject"
    ]
    made = [prefix for archive in ARCHIVES.values() for prefix in archive.made]
    assert all(any(f'"/{prefix}*"' in resource for resource in written) for prefix in made)
    assert len(written) == len(made)


def test_the_workflow_has_logging_and_tracing_enabled(template):
    machine = template.one("AWS::StepFunctions::StateMachine", "Retraining")
    assert machine["LoggingConfiguration"]["Level"] != "OFF"
    assert machine["TracingConfiguration"] == {"Enabled": True}


# https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
DISTRIBUTED_MAP = {
    "states:DescribeExecution",
    "states:StartExecution",
    "states:StopExecution",
}
READER_AND_WRITER = {
    "s3:AbortMultipartUpload",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}


def test_the_scoring_workflow_may_use_only_its_own_prefix(template):
    granted = permissions(template, "ScoringWorkflowRole")
    assert {action for action, _, _ in granted} == {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "lambda:InvokeFunction",
        *DISTRIBUTED_MAP,
        *READER_AND_WRITER,
        *LOG_DELIVERY,
        *TRACING,
    }
    for action, resource, _ in granted:
        if action.startswith("s3:"):
            assert "/scoring/*" in resource
        if action.startswith("states:"):
            assert ":stresswatch-dev-scoring" in resource
        if action.startswith("lambda:"):
            assert [name.startswith("ScoringScoring") for name in named_resources(resource)] == [
                True
            ]
