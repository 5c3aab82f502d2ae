"""The app: one stage, one stack."""

from __future__ import annotations

import json
import os
from pathlib import Path

from aws_cdk import App, CfnResource

from cdk_app.acknowledgements import check
from cdk_app.bundling import PROJECT
from cdk_app.constructs.serving.canary import FORCE
from cdk_app.regions import check_region, region_of
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stage import Stage
from cdk_app.settings.stages import stage_named
from cdk_app.stack import StresswatchStack

LOCAL_SETTINGS = "LOCAL_SETTINGS"
"""Variable with changed settings of a local stack: a JSON object of groups."""


def build_app(
    outdir: str | None = None, stage: Stage | str | None = None, **context: object
) -> App:
    """Build the app, with cdk-nag's checks, for a stage or its name.

    The default is the stage in the context, or else ``dev``.
    """
    defaults = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=outdir, context=defaults | context)
    if not isinstance(stage, Stage):
        stage = stage_named(stage or app.node.try_get_context("stage") or "dev")
    StresswatchStack(app, stage)
    check(app)
    return app


def synthesize() -> Path:
    """Write the cloud assembly, to the CDK CLI's folder or ``cdk.out``.

    Raises
    ------
    InvalidStage
        When the stage is unknown, a setting of `LOCAL_SETTINGS` is wrong, ``FORCE`` is neither
        empty nor 1, or the region that the environment names lacks a type of resource.
    """
    outdir = os.environ.get("CDK_OUTDIR", "cdk.out")
    force = os.environ.get("FORCE", "")
    if force not in ("", "1"):
        raise InvalidStage(f"FORCE is {force!r}; it must be 1, or left out for a canary")
    context = {FORCE: True} if force else {}
    name = os.environ.get("STAGE")
    changed = json.loads(os.environ.get(LOCAL_SETTINGS, "{}"))
    stage = stage_named(name or "dev").changed(**changed) if changed else name
    app = build_app(outdir, stage, **context)
    if region := region_of(os.environ):
        resources = (one for one in app.node.find_all() if isinstance(one, CfnResource))
        check_region(region, {resource.cfn_resource_type for resource in resources})
    return Path(app.synth().directory)
