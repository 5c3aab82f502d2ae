"""Synthesizes the stage of the month: ``python -m benchmarks.month.template FOLDER``."""

import sys

from cdk_app.app import build_app
from cdk_app.stages import Stage

STAGE = Stage(
    name="month",
    retains_data=False,
    requires_byte_code=False,
    champion_ttl_seconds=1,
    window_minutes=1440,
    minimum_window_posts=200,
    quality_window_days=5,
    minimum_labelled_posts=50,
    retraining_cool_down_minutes=1440,
    minimum_new_labels=100,
    retraining_schedule=None,
    shadow_minutes=0,
)

if __name__ == "__main__":
    build_app(sys.argv[1], stage=STAGE).synth()
