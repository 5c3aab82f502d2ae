"""Synthesise: ``python -m cdk_app`` writes ``cdk.out/``; the CDK CLI runs the same."""

import sys

from cdk_app.settings.errors import InvalidStage
from stresswatch.task.table import InvalidTask

try:
    import stresswatch.task.definition  # noqa: F401 - which reads the task
except InvalidTask as error:
    sys.exit(str(error))

from cdk_app.bundling import BundlingFailed

try:
    import cdk_app.settings.stages  # noqa: F401 - which makes the stages
except (InvalidStage, TypeError, ValueError) as error:
    sys.exit(f"cdk_app/settings/stages.py: {error}")

from cdk_app.app import synthesize

try:
    synthesize()
except (BundlingFailed, InvalidStage) as error:
    sys.exit(str(error))
except RuntimeError as error:
    # CDK calls the bundling, and wraps its error.
    if "Failed to bundle asset" not in str(error):
        raise
    sys.exit(str(error))
