"""Print the table of acknowledged findings for ``docs/security.md``.

Run ``python -m cdk_app.documentation``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from aws_cdk import App

from cdk_app.acknowledgements import acknowledgements
from cdk_app.app import build_app
from cdk_app.settings.stages import STAGES


def table(apps: Iterable[App]) -> str:
    """Return some apps' acknowledgements as a Markdown table, one row a rule and reason."""
    constructs = defaultdict(set)
    for found in sorted(set().union(*map(acknowledgements, apps))):
        rule = found.rule.partition("[")[0]
        constructs[rule, found.reason].add(found.path.partition("/")[2])
    rows = [
        f"| {rule} | {', '.join(f'`{path}`' for path in sorted(paths))} | {reason} |"
        for (rule, reason), paths in constructs.items()
    ]
    return "\n".join(["| rule | on | reason |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    without_bundling: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
    print(table([build_app(stage=stage, **without_bundling) for stage in STAGES]))  # noqa: T201
