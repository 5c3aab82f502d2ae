"""Synthesizes the development stage, but that it draws posts for labelling.

``python -m tests.e2e.drawing_app FOLDER``
"""

import sys

from cdk_app.app import build_app
from cdk_app.settings.stages import stage_named

SHARE = 0.5

if __name__ == "__main__":
    labelling = {"label_sample_share": SHARE}
    build_app(sys.argv[1], stage=stage_named("dev").changed(labelling=labelling)).synth()
