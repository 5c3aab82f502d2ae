"""`stresswatch cost`: synthesise a stage, read its template, and estimate its cost."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from cli.cost.items import Load
from cli.cost.measured import shipped
from cli.cost.prices import PRICED_INSTANCE
from cli.cost.report import CostReport
from cli.cost.template import PricedStage, read_template
from cli.deployment.synthesis import synthesize
from cli.errors import OperatorError
from stresswatch.aws.stack_outputs import stack_name


def cost(posts_a_day: float, stage: str, peak: float, longest_wait: float) -> CostReport:
    """Estimate the cost of a stage, and its limits.

    Raises
    ------
    OperatorError
        For an unknown stage, a failed synthesis, an instance without a price, or an unmeasured
        pipeline.
    """
    priced = deployment(stage)
    measured = shipped().scored_by(priced.pipeline)
    return CostReport(Load(posts_a_day, peak), priced, measured, longest_wait)


def deployment(stage: str) -> PricedStage:
    """Read a stage's resources from its synthesised template."""
    with tempfile.TemporaryDirectory() as folder:
        directory = synthesize(Path(folder), stage=stage, bundles=False)
        template = json.loads((directory / f"{stack_name(stage)}.template.json").read_text())
    if PRICED_INSTANCE not in json.dumps(template):
        raise OperatorError(
            f"The stage {stage} does not train on {PRICED_INSTANCE}, whose price alone is in "
            "cli/cost/prices.py; add the price of its instance."
        )
    return read_template(stage, template)
