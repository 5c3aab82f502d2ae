"""Synthesize: ``python -m cdk_app`` writes ``cdk.out/``; the CDK CLI runs the same."""

import sys

from cdk_app.bundling import BundlingFailed
from cdk_app.errors import InvalidStage

try:
    from cdk_app.app import synthesize  # which makes the stages

    synthesize()
except (BundlingFailed, InvalidStage) as error:
    sys.exit(str(error))
except TypeError as error:
    if "Stage.__init__()" not in str(error):
        raise
    sys.exit(f"cdk_app/stages.py: {error}")
except RuntimeError as error:
    # CDK calls the bundling, and gives its error on as one of its own.
    if "Failed to bundle asset" not in str(error):
        raise
    sys.exit(str(error))
