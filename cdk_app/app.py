"""The app: one stage, one stack."""

from __future__ import annotations

import json
import os
from pathlib import Path

from aws_cdk import App

from cdk_app.bundling import PROJECT
from cdk_app.findings import check
from cdk_app.stack import StresswatchStack
from cdk_app.stages import stage_named


def build_app(outdir: str | None = None, **context: object) -> App:
    """Build the app for the stage in the context, ``dev`` if it names none; cdk-nag checks it."""
    defaults = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=outdir, context=defaults | context)
    StresswatchStack(app, stage_named(app.node.try_get_context("stage") or "dev"))
    check(app)
    return app


def synthesize() -> Path:
    """Write the cloud assembly, where the CDK CLI asks for it or to ``cdk.out``."""
    stage = os.environ.get("STAGE")
    outdir = os.environ.get("CDK_OUTDIR", "cdk.out")
    return Path(build_app(outdir, **({"stage": stage} if stage else {})).synth().directory)
