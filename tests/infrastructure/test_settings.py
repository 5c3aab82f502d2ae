"""The settings of a stage: each is checked, described, and on its page."""

import math
import re
from typing import get_args

import pytest

from cdk_app.bundling import PROJECT
from cdk_app.settings import documentation
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.sentences import limits_of
from cdk_app.settings.stage import Stage
from cdk_app.settings.stages import STAGES, stage_named
from cdk_app.settings.streaming import StreamMode
from stresswatch.contracts.posts import NUMERIC_FEATURES
from tests.infrastructure.conftest import PLAIN

SUBNETS = ("subnet-0a1b2c3d4e5f60718", "subnet-0b1b2c3d4e5f60718")
GROUPS = ("sg-0a1b2c3d4e5f60718",)


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
            r"security.subnet_ids is \('vpc-1',\); 'vpc-1' must be the id of a subnet, such",
        ),
        ("security", {"subnet_ids": SUBNETS[0]}, "it must be a tuple of names"),
        ("security", {"subnet_ids": (5,)}, "subnet_ids holds 5; it must be a tuple of names"),
        (
            "security",
            {"key_administrators": ("*",)},
            r"'\*' must be the ARN of a role or a user, such as arn:",
        ),
        ("security", {"key_deletion_days": 6}, "is 6; it must be between 7 and 30"),
        ("storage", {"archive_retention_days": 0}, "storage.archive_retention_days is 0"),
        ("storage", {"archive_retention_days": "1"}, "it must be a whole number or None"),
        ("retraining", {"schedule": "rate(1 days)"}, "as EventBridge writes them"),
        ("retraining", {"schedule": "rate(0 days)"}, "as EventBridge writes them"),
        ("retraining", {"schedule": "cron(a b c d e f)"}, "as EventBridge writes them"),
        ("retraining", {"schedule": "cron(0 24 * * ? *)"}, "as EventBridge writes them"),
        ("retraining", {"schedule": "cron(0 3 * * * *)"}, "as EventBridge writes them"),
        ("retraining", {"training_instance_type": ""}, "a type of SageMaker, such as ml.m5.large"),
        ("retraining", {"training_instance_type": "foo"}, "type is 'foo'; it must be a type of"),
        ("monitoring", {"runbooks": ""}, "runbooks is ''; it must be a folder or an address"),
        ("monitoring", {"runbooks": "  "}, "it must be a folder or an address without blanks"),
        (
            "retraining",
            {"selected_features": len(NUMERIC_FEATURES) + 1},
            "selected_features is 6; it must be between 1 and 5",
        ),
        ("retraining", {"training_on_spot": "no"}, "is 'no'; it must be True or False"),
        ("retraining", {"tracking_uri": 5}, "tracking_uri is 5; it must be a text or None"),
        ("retraining", {"gate": None}, r"gate is None; it must be GateRules\(…\)"),
        ("labelling", {"label_sample_share": 1.01}, "is 1.01; it must be between 0.0 and 1.0"),
        ("labelling", {"uncertain_sample_share": -0.1}, "must be between 0.0 and 1.0"),
        ("labelling", {"uncertain_sample_share": 0.1}, "label_sample_share is 0: without a random"),
        ("labelling", {"queue_retention_days": 0}, "days is 0; it must be between 1 and 3650"),
        ("monitoring", {"accepted_f1": "high"}, "is 'high'; it must be a number"),
        ("monitoring", {"accepted_f1": math.nan}, "is nan; it must be between 0.01 and 1.0"),
        (
            "monitoring",
            {"window": 5},
            "no setting monitoring.window; did you mean monitoring.window_minutes",
        ),
    ],
)
def test_an_invalid_setting_is_rejected_in_one_sentence(group, settings, sentence):
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
        (
            {
                "streaming": {"maximum_record_age_seconds": 3 * 86_400, "retention_hours": 72},
                "storage": {"raw_archive_days": 4},
            },
            r"raw_archive_days is 4, but a window .* reads what was delivered up to 5 days earlier",
        ),
        (
            {
                "monitoring": {"quality_window_days": 30},
                "storage": {"archive_retention_days": 29},
            },
            "archive_retention_days is 29, below the 30 days that live quality looks back",
        ),
        (
            {"storage": {"archive_retention_days": 34}},
            "archive_retention_days is 34, below the 35 days that the stress rate looks back",
        ),
        ({"web_service": True}, r"web_service is True; it must be WebService\(…\) or None"),
        ({"streaming": None}, r"streaming is None; it must be Streaming\(…\)"),
        ({"windows": {}}, "there is no setting windows"),
        ({"window_minutes": 5}, "no setting window_minutes; did you mean monitoring.window_min"),
        ({"concurrency": 5}, "did you mean scoring.concurrency or web_service.concurrency?"),
        ({"nothing": 1}, "there are name, retains_data,.* querying, web_service$"),
        (
            {"web_service": {"jwt": {"isuer": "https://example.org"}}},
            "no setting web_service.jwt.isuer; did you mean web_service.jwt.issuer?",
        ),
    ],
)
def test_unknown_or_contradictory_settings_are_rejected(settings, sentence):
    with pytest.raises(InvalidStage, match=sentence):
        PLAIN.changed(**settings)


@pytest.mark.parametrize(
    "schedule",
    [
        "rate(1 day)",
        "cron(0 3 * * ? *)",
        "cron(*/15 8-17 ? JAN-MAR MON-FRI 2026)",
        "cron(0 3 L * ? *)",
    ],
)
def test_any_eventbridge_schedule_is_accepted(schedule):
    changed = PLAIN.changed(retraining={"schedule": schedule})
    assert changed.retraining.schedule == schedule


def test_a_stage_with_a_missing_setting_is_rejected():
    with pytest.raises(InvalidStage, match="retains_data is missing; it must be True or False"):
        Stage(name="test", requires_byte_code=False)


def test_a_changed_stage_keeps_every_other_setting():
    changed = STAGES["prod"].changed(monitoring={"window_minutes": 30})
    assert changed.monitoring.window_minutes == 30
    assert changed.streaming == STAGES["prod"].streaming
    assert changed.monitoring.changed(window_minutes=60) == STAGES["prod"].monitoring


@pytest.mark.parametrize(("minutes", "most"), [(5, 288), (30, 48), (60, 168), (1440, 7)])
def test_drift_windows_are_limited_to_cloudwatchs_look_back(minutes, most):
    monitoring = PLAIN.monitoring
    monitoring.changed(window_minutes=minutes, drift_windows_evaluated=most)
    with pytest.raises(InvalidStage, match=r"must be between|evaluates at most"):
        monitoring.changed(window_minutes=minutes, drift_windows_evaluated=most + 1)


@pytest.mark.parametrize("name", ["", "Dev", "my stage", "qa-", "-qa", "2nd", "x" * 21])
def test_an_invalid_stage_name_is_rejected(name):
    with pytest.raises(InvalidStage, match="it must be of small letters"):
        STAGES["dev"].changed(name=name)


@pytest.mark.parametrize(
    "setting", list(documentation.settings()), ids=lambda setting: setting.path
)
def test_settings_have_one_sentence_descriptions_and_limits(setting):
    kinds = (setting.field.annotation, *get_args(setting.field.annotation))
    assert re.fullmatch(r"(?:(?!\. ).)+\.", setting.field.description)
    if int in kinds or float in kinds:
        assert limits_of(setting.field), "a number without limits"


def test_setting_descriptions_are_unique():
    descriptions = [setting.field.description for setting in documentation.settings()]
    assert len(set(descriptions)) == len(descriptions)


def test_the_page_on_stages_has_every_setting():
    assert documentation.lists() in (PROJECT / "docs" / "stages.md").read_text(), (
        "run `python -m cdk_app.settings` and put its lists into docs/stages.md"
    )


@pytest.mark.parametrize("stage", list(STAGES))
def test_every_stage_except_dev_retains_its_data(stage):
    assert STAGES[stage].retains_data == (stage != "dev")


def test_an_unknown_stage_is_rejected_with_the_known_ones():
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
        ("monitoring", "drift_share_threshold", 0.0, "is 0.0; it must be between 0.001 and"),
        ("monitoring", "drift_windows_to_alarm", 9, "is 9; it must be at most drift_windows_eval"),
        ("monitoring", "drift_windows_evaluated", 169, "of 60, CloudWatch evaluates at most 168"),
        ("storage", "log_retention_days", 8, "is 8; it must be one of 1, 3, 5,"),
    ],
)
def test_a_rejected_setting_is_named_with_its_value(group, setting, value, sentence):
    with pytest.raises(InvalidStage, match=sentence) as refused:
        PLAIN.changed(**{group: {setting: value}})
    assert str(refused.value).startswith(f"{group}.{setting} is {value}")
