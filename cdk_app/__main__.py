"""Synthesize: ``python -m cdk_app`` writes ``cdk.out/``; the CDK CLI runs the same."""

import re
import sys

from cdk_app.bundling import BundlingFailed
from cdk_app.errors import InvalidStage
from stresswatch import drift_rules, gate

# Of what the stages are made, where it is given what it does not know, or not all that it needs.
_MAKING = re.compile(r"\b(Stage|WebService|Jwt|Rules|DriftRules|ColumnRule)\.__init__\(\)")

try:
    from cdk_app.app import synthesize  # which makes the stages

    synthesize()
except (BundlingFailed, InvalidStage) as error:
    sys.exit(str(error))
except (gate.InvalidRules, drift_rules.InvalidRules) as error:
    sys.exit(f"cdk_app/stages.py: {error}")
except TypeError as error:
    if not _MAKING.search(str(error)):
        raise
    sys.exit(f"cdk_app/stages.py: {error}")
except RuntimeError as error:
    # CDK calls the bundling, and gives its error on as one of its own.
    if "Failed to bundle asset" not in str(error):
        raise
    sys.exit(str(error))
