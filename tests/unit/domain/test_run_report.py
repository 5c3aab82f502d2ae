"""The notification of a retraining: first its result, then the reasons."""

import json
from dataclasses import asdict

import pytest

from stresswatch.retraining.check_words import HOLDOUTS, results_in_words
from stresswatch.retraining.run_report import describe
from stresswatch.retraining.verdict import Check


def check(name, *, passed, champion=0.81234, challenger=0.7):
    return {
        "name": name,
        "champion": champion,
        "challenger": challenger,
        "threshold": 0.75,
        "passed": passed,
        "requirement": "at least 0.750",
        "evidence": "244 posts",
        "applies": True,
    }


PASSED = {"accepted": True, "checks": [check("F1", passed=True)]}
FAILED = {
    "accepted": False,
    "checks": [check("size", passed=True, champion=None), check("F1", passed=False)],
}
JUDGED = {
    "admission": {"admitted": True, "reason": ""},
    "dataset": {"declined": None},
    "gate": {"version": "v2", "parent": "v1", **PASSED},
}
PROMOTED = JUDGED | {"promotion": {"version": "v2", "before": "v1"}}
REJECTED = JUDGED | {"gate": {"version": "v2", "parent": "v1", **FAILED}}


QUOTA = "The account-level service limit 'ml.m5.large for spot training job usage' is 0 Instances"


def test_too_small_a_quota_is_reported_with_the_setting_to_change():
    error = {"Error": "SageMaker.ResourceLimitExceeded", "Cause": f"{QUOTA}. Please ask."}
    told = describe(JUDGED | {"error": error})
    assert QUOTA in told
    assert "Service Quotas" in told
    assert "`training_on_spot=False` in cdk_app/settings/stages.py" in told
    assert told.splitlines()[0].endswith("; the champion stays.")


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"admission": {"admitted": False, "reason": "a runs"}}, "Suppressed: a runs."),
        (JUDGED | {"dataset": {"declined": "3 labels are new"}}, "Declined: 3 labels are new."),
        (REJECTED, "The gate rejected v2; the champion stays."),
        (
            JUDGED | {"comparison": {"posts": 40, **FAILED}},
            "v2 was rejected after its shadow deployment; the champion stays.",
        ),
        (JUDGED, "The gate accepted v2, which awaits manual approval."),
        (
            JUDGED | {"approval": {"Error": "States.Timeout"}},
            "The gate accepted v2, but approval timed out; the champion stays.",
        ),
        (
            JUDGED | {"approval": {"approved": False, "by": "ada", "why": "I doubt it"}},
            "The gate accepted v2, ada rejected it: I doubt it; the champion stays.",
        ),
        (
            JUDGED | {"promotion": {"version": "v2", "before": "v1"}},
            "The gate accepted v2; it is the champion now.",
        ),
        (
            JUDGED
            | {"approval": {"approved": True, "by": "ada", "why": "I looked"}}
            | {"promotion": {"version": "v2", "before": "v1"}},
            "The gate accepted v2, ada approved it: I looked; it is the champion now.",
        ),
        (
            PROMOTED | {"gate": JUDGED["gate"] | {"probation_seconds": 86_400}},
            "The gate accepted v2; it is the champion now, on probation for 1440 minutes.",
        ),
        (
            PROMOTED | {"judgement": {"outcome": "rolled_back", "posts": 40, **FAILED}},
            "v2 was rolled back by its probation; v1 is the champion again.",
        ),
        (
            PROMOTED | {"judgement": {"outcome": "kept", "posts": 40, **PASSED}},
            "v2 passed its probation; it stays the champion.",
        ),
        (
            PROMOTED | {"judgement": {"outcome": "overtaken", "posts": 0, **PASSED}},
            "The probation of v2 ended early: another version serves.",
        ),
    ],
)
def test_the_first_line_states_the_outcome(state, sentence):
    assert describe(state).splitlines()[0] == sentence


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"Error": "States.Timeout"}, "States.Timeout"),
        ({"Error": "States.TaskFailed", "Cause": "whatever"}, "States.TaskFailed: whatever"),
        (
            {
                "Error": "EmptyDataSet",
                "Cause": json.dumps({"errorType": "EmptyDataSet", "errorMessage": "No post."}),
            },
            "EmptyDataSet: No post",
        ),
        (
            {"Error": "States.TaskFailed", "Cause": json.dumps({"FailureReason": "no capacity"})},
            "States.TaskFailed: no capacity",
        ),
        ({"Error": "Other", "Cause": "[1]"}, "Other: [1]"),
    ],
)
def test_a_failure_is_reported_with_its_cause_and_the_champion_stays(error, cause):
    told = describe({"error": error})
    assert told == f"The retraining failed: {cause}; the champion stays."


def test_a_failure_after_promotion_names_the_new_champion():
    state = JUDGED | {"promotion": {"version": "v2"}, "error": {"Error": "Any"}}
    assert "v2 is already the champion" in describe(state)


def test_checks_are_listed_with_failed_ones_first():
    assert describe(REJECTED).splitlines()[1:] == [
        "The gate, against v1:",
        HOLDOUTS,
        "- FAILED: F1: champion 0.812, challenger 0.700, 244 posts; required: at least 0.750",
        "- passed: size: challenger 0.700, 244 posts; required: at least 0.750",
    ]


def test_an_inapplicable_check_is_not_reported_as_passed():
    few = asdict(Check.not_applicable("all checks, new holdout", "3 posts, at least 30 needed"))
    gate = JUDGED["gate"] | {"checks": [few]}
    lines = describe(JUDGED | {"gate": gate}).splitlines()
    assert lines[-1] == "- not applicable: all checks, new holdout: 3 posts, at least 30 needed"
    assert results_in_words([few, few]) == "0 checks passed, 2 not applicable"


def test_a_check_of_an_earlier_release_shows_its_reason():
    older = check("F1", passed=True)
    del older["requirement"], older["evidence"], older["applies"]
    gate = JUDGED["gate"] | {"checks": [older | {"reason": "must be at least 0.750"}]}
    lines = describe(JUDGED | {"gate": gate}).splitlines()
    assert lines[-1] == ("- passed: F1: champion 0.812, challenger 0.700, must be at least 0.750")


def test_the_result_on_live_posts_follows_the_gates_verdict():
    lines = describe(JUDGED | {"comparison": {"posts": 1234, **PASSED}}).splitlines()
    assert "Shadow deployment, on 1,234 live posts:" in lines
    assert lines[-1].startswith("- passed: F1")


def test_only_notable_facts_about_the_data_are_reported():
    counted = {
        "declined": None,
        "posts": 300,
        "contradictory_posts": 1200,
        "future_labels": 0,
        "unweighted_posts": 3,
    }
    gate = JUDGED["gate"] | {"suspicious_labels": 25}
    lines = describe({"dataset": counted, "gate": gate}).splitlines()
    assert lines[1:4] == [
        "Base posts with both labels: 1,200. The more confident label counts; with equal "
        "confidence, stressed.",
        "Posts whose label has confidence 0: 3. They count in evaluation, and have no weight in "
        "training.",
        "Labels that look wrong: 25. `stresswatch data suspicious v2` lists them; all of "
        "them are kept.",
    ]
    assert lines[4].startswith("The gate, against")


def test_a_probation_report_names_both_champions():
    state = PROMOTED | {"judgement": {"outcome": "rolled_back", "posts": 1234, **FAILED}}
    lines = describe(state).splitlines()
    assert lines[-3:-1] == [
        "Probation, on 1,234 live posts of the previous champion:",
        "- FAILED: F1: previous champion 0.812, champion 0.700, 244 posts; "
        "required: at least 0.750",
    ]
