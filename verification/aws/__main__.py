"""Check every AWS rule that can be checked without an account, and report the checks."""

from __future__ import annotations

import sys

from rich.console import Console

from cdk_app.settings.stages import STAGES
from verification.aws import asl_validator, regions, state_machines
from verification.aws.rules import RULES, faults
from verification.aws.templates import Template, longest_named, synthesize


def main() -> int:
    """Print the faults; return 1 if there are any."""
    console = Console(soft_wrap=True, highlight=False)
    found: list[str] = []
    templates = [synthesize(stage) for stage in (*STAGES.values(), longest_named())]
    for template in templates:
        found += faults(template)
        where = regions.supported(template)
        console.print(
            f"{template.stage}: {sum(rule.check is not None for rule in RULES)} rules, "
            f"{len(where)} regions: {', '.join(where)}"
        )
    try:
        found += asl_validator.faults(_machines(templates))
        console.print(f"{asl_validator.PACKAGE}: every state machine")
    except asl_validator.Unreachable as error:
        console.print(f"NOT CHECKED by asl-validator: {error}")
    for fault in dict.fromkeys(found):
        console.print(fault, markup=False)
    console.print(f"{len(set(found))} faults")
    return 1 if found else 0


def _machines(templates: list[Template]) -> dict[str, state_machines.Definition]:
    return {
        f"{template.stage}-{name}": definition
        for template in templates
        for name, definition in state_machines.definitions(template)
    }


if __name__ == "__main__":
    sys.exit(main())
