"""The model registry: in a stage that has one, it is notified of changes, and deletes nothing."""

import json

import pytest

from stresswatch.aws import stack_outputs
from tests.integration.test_registry import CALLS

GROUP = "AWS::SageMaker::ModelPackageGroup"


@pytest.fixture(scope="module")
def states(production):
    machine = production.one("AWS::StepFunctions::StateMachine", "Retraining")
    parts = machine["DefinitionString"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else "x" for part in parts)
    return json.loads(text)["States"]


@pytest.fixture(params=["staging", "production"])
def any_registry(request):
    """The template of each stage that keeps a registry."""
    return request.getfixturevalue(request.param)


def test_the_development_stage_has_no_model_registry(template):
    assert template.resources(GROUP) == {}


def test_the_model_package_group_outlives_the_stack(production):
    (group,) = production.resources(GROUP).values()
    assert group["DeletionPolicy"] == "RetainExceptOnCreate"
    assert group["UpdateReplacePolicy"] == "Retain"


def test_a_version_is_registered_after_the_gate(states):
    assert states["Gate"]["Next"] == "Register"
    assert states["Register"]["Next"] == "Accepted?"
    assert states["Register"]["Catch"][0]["Next"] == "NotifyFailed"


def test_the_registry_follows_approvals_promotions_and_retrainings(production):
    patterns = [
        rule["EventPattern"]
        for rule in production.properties("AWS::Events::Rule")
        if any("Registry" in str(target["Arn"]) for target in rule["Targets"])
    ]
    heard = {pattern["detail-type"][0]: pattern["detail"] for pattern in patterns}
    words = heard["SageMaker Model Package State Change"]
    (group,) = production.properties("AWS::SageMaker::ModelPackageGroup")
    assert words["ModelPackageGroupName"] == [group["ModelPackageGroupName"]]
    changed = heard["Parameter Store Change"]
    assert changed["name"] == [
        production.body["Outputs"][stack_outputs.CHAMPION_PARAMETER]["Value"]
    ]
    assert changed["operation"] == ["Create", "Update"], "the first promotion creates it"
    assert "SUCCEEDED" in heard["Step Functions Execution Status Change"]["status"]


def test_listing_packages_is_granted_on_packages_not_the_group(any_registry):
    (listing,) = [
        statement
        for statement in any_registry.statements("ModelRegistry")
        if "sagemaker:ListModelPackages" in statement["Action"]
    ]
    assert ":model-package/stresswatch-" in str(listing["Resource"])
    assert "ModelPackageGroupArn" not in str(listing["Resource"])


def test_the_registry_function_may_act_only_on_its_own_group(production):
    statements = [
        statement
        for statement in production.statements("ModelRegistry")
        if "sagemaker" in str(statement["Action"])
    ]
    assert all(
        "stresswatch-prod" in str(statement["Resource"]) or "Group" in str(statement["Resource"])
        for statement in statements
    )
    in_its_name = ("kms:", "logs:", "sqs:", "xray:")
    allowed = production.allowed("ModelRegistry")
    assert {action for action in allowed if not action.startswith(in_its_name)} == CALLS
