"""The workflow that scores large files: bounded, tolerant up to a limit, with one function."""

import json

import pytest

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.scoring import Scoring


def state(template):
    """The workflow's one state; values known only to a deployment read ``@``."""
    parts = template.one("AWS::StepFunctions::StateMachine", "Scoring")["DefinitionString"]
    text = "".join(part if isinstance(part, str) else "@" for part in parts["Fn::Join"][1])
    (found,) = json.loads(text)["States"].values()
    return found


def test_parts_are_scored_in_parallel_up_to_the_stages_limit(any_stage):
    function = any_stage.one("AWS::Lambda::Function", "ScoringScoring")
    most = state(any_stage)["MaxConcurrency"]
    assert most == (10 if any_stage.is_protected else 2)
    assert function.get("ReservedConcurrentExecutions", most) == most


def test_a_few_failures_are_tolerated_after_retries(any_stage):
    found = state(any_stage)
    assert found["ToleratedFailurePercentage"] == 5
    (part,) = found["ItemProcessor"]["States"].values()
    (retry,) = part["Retry"]
    assert (retry["ErrorEquals"], retry["MaxAttempts"]) == (["States.ALL"], 3)


def test_manifest_and_results_bypass_the_workflow_state(any_stage):
    """It holds 256 KB: some two thousand parts."""
    found = state(any_stage)
    assert found["ItemReader"]["Parameters"]["Key.$"] == "$.manifest"
    assert found["ResultWriter"]["Parameters"]["Prefix.$"] == "$.answers"


def test_the_scoring_function_has_lambdas_longest_timeout(template):
    function = template.one("AWS::Lambda::Function", "ScoringScoring")
    assert function["Timeout"] == 900


def test_files_and_results_expire(any_stage):
    rules = any_stage.one("AWS::S3::Bucket", "StorageTraining")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == "scoring/"]
    assert rule["ExpirationInDays"] == 7


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("concurrency", 0),
        ("part_mb", 129),
        ("tolerated_failure_percentage", 101),
        ("kept_days", 0),
    ],
)
def test_a_scoring_setting_out_of_range_is_rejected(setting, value):
    with pytest.raises(InvalidStage, match=rf"scoring\.{setting} is {value}; it must be between"):
        Scoring(**{setting: value})
