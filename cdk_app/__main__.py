"""Synthesize: ``python -m cdk_app`` writes ``cdk.out/``; the CDK CLI runs the same."""

import sys

from cdk_app.app import synthesize
from cdk_app.bundling import BundlingFailed
from cdk_app.stages import InvalidStage

try:
    synthesize()
except (BundlingFailed, InvalidStage) as error:
    sys.exit(str(error))
