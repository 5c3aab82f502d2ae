"""Print the list of acknowledged findings for ``docs/security.md``.

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


def listing(apps: Iterable[App]) -> str:
    """Return some apps' acknowledgements as a Markdown list, one item per rule and reason."""
    constructs = defaultdict(set)
    for found in sorted(set().union(*map(acknowledgements, apps))):
        rule = found.rule.partition("[")[0]
        constructs[rule, found.reason].add(found.path.partition("/")[2])
    return "\n".join(
        f"- `{rule}`: {reason} On {', '.join(f'`{path}`' for path in sorted(paths))}."
        for (rule, reason), paths in constructs.items()
    )


if __name__ == "__main__":
    without_bundling: dict[str, Any] = {"aws:cdk:bundling-stacks": []}
    print(listing([build_app(stage=stage, **without_bundling) for stage in STAGES]))  # noqa: T201
