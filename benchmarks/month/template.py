"""Synthesise the stage of the month: ``python -m benchmarks.month.template FOLDER``."""

import sys

from benchmarks.month.calendar import MINIMUM_LABELLED, QUALITY_DAYS
from cdk_app.app import build_app
from cdk_app.settings.monitoring import Monitoring
from cdk_app.settings.retraining import Retraining
from cdk_app.settings.serving import Serving
from cdk_app.settings.stage import Stage
from cdk_app.settings.streaming import Streaming

STAGE = Stage(
    name="month",
    retains_data=False,
    requires_byte_code=False,
    streaming=Streaming(batch_window_seconds=0),
    serving=Serving(champion_ttl_seconds=1),
    monitoring=Monitoring(
        window_minutes=1440,
        minimum_window_posts=200,
        drift_windows_to_alarm=1,  # with daily windows, a false alarm occurs once in half a year
        drift_windows_evaluated=1,
        quality_window_days=QUALITY_DAYS,
        minimum_labelled_posts=MINIMUM_LABELLED,
    ),
    retraining=Retraining(
        cool_down_minutes=1440,
        minimum_new_labels=100,
        schedule=None,
        shadow_minutes=0,  # the workflow's waits take real time: jumps of the clock do not end them
        probation_minutes=0,
    ),
)

if __name__ == "__main__":
    build_app(sys.argv[1], stage=STAGE).synth()
