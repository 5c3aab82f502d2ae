"""The stages: dev, staging and prod."""

from __future__ import annotations

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.monitoring import Monitoring
from cdk_app.settings.retraining import Retraining
from cdk_app.settings.scoring import Scoring
from cdk_app.settings.serving import Serving
from cdk_app.settings.stage import Stage
from cdk_app.settings.storage import Storage
from cdk_app.settings.streaming import Streaming
from cdk_app.settings.web_service import WebService

_DEV = Stage(
    name="dev",
    retains_data=False,
    requires_byte_code=False,
    serving=Serving(canary_minutes=5, champion_ttl_seconds=5),
    monitoring=Monitoring(
        minimum_window_posts=200,
        settle_concurrency=2,
        drift_windows_to_alarm=1,
        drift_windows_evaluated=1,
        iterator_age_alarm_seconds=60,
    ),
    retraining=Retraining(
        schedule=None,
        cool_down_minutes=0,
        minimum_new_labels=20,
        shadow_minutes=0,
        probation_minutes=0,
    ),
    storage=Storage(log_retention_days=7, quarantine_retention_days=7),
    scoring=Scoring(concurrency=2),
    web_service=WebService(),
)

_STAGING = Stage(
    name="staging",
    retains_data=True,
    requires_byte_code=True,
    serving=Serving(canary_minutes=5),
    retraining=Retraining(registers_versions=True),
)

_PROD = Stage(
    name="prod",
    retains_data=True,
    requires_byte_code=True,
    streaming=Streaming(
        retention_hours=168,
        maximum_record_age_seconds=86_400,
        batch_size=1_000,
        batch_window_seconds=5,
    ),
    serving=Serving(canary_minutes=10, reserves_concurrency=True, predictor_concurrency=50),
    retraining=Retraining(
        shadow_minutes=1440,
        probation_minutes=1440,
        requires_approval=True,
        registers_versions=True,
    ),
    storage=Storage(log_retention_days=90),
)

STAGES = {stage.name: stage for stage in (_DEV, _STAGING, _PROD)}


def stage_named(name: str) -> Stage:
    """Return a stage by its name.

    Raises
    ------
    InvalidStage
        When no stage has this name.
    """
    if name not in STAGES:
        raise InvalidStage(f"there is no stage {name!r}; there are {', '.join(STAGES)}")
    return STAGES[name]
