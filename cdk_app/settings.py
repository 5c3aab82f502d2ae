"""The settings of the stages: ``python -m cdk_app.settings`` prints ``docs/stages.md``'s table."""

from __future__ import annotations

import inspect
import re
from dataclasses import Field, fields, is_dataclass
from enum import Enum

from cdk_app.stages import LIMITS, STAGES, Stage

_ENTRY = re.compile(r"^(\w+(?:, \w+)*) : .+\n((?:    .+\n?)+)", re.MULTILINE)


def meanings() -> dict[str, str]:
    """Give what each setting is for, by name, as the docstring of ``Stage`` says."""
    return {
        name: " ".join(meaning.split()).replace("``", "`")
        for names, meaning in _ENTRY.findall(inspect.getdoc(Stage) or "")
        for name in names.split(", ")
    }


def table() -> str:
    """Give the settings as a table of Markdown, one row each."""
    says = meanings()
    head = ["setting", "type", "limits", *STAGES, "what it says"]
    rows = [
        [
            f"`{setting.name}`",
            str(setting.type).replace("|", "or"),
            _limits(setting),
            *(_written(getattr(stage, setting.name)) for stage in STAGES.values()),
            says[setting.name],
        ]
        for setting in fields(Stage)
        if setting.name != "name"
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _limits(setting: Field[object]) -> str:
    if setting.name not in LIMITS:
        return ""
    lowest, highest = LIMITS[setting.name]
    return f"{lowest:,} to {highest:,}"


def _written(value: object) -> str:
    match value:
        case bool() | None:
            return {True: "yes", False: "no", None: "none"}[value]
        case Enum():
            return str(value.value)
        case ():
            return "none"
        case int() | float():
            return f"{value:,}"
    if is_dataclass(value):
        own = type(value)()
        changed = [f.name for f in fields(value) if getattr(value, f.name) != getattr(own, f.name)]
        return "defaults" if not changed else f"own {', '.join(changed)}"
    return f"`{value}`"


if __name__ == "__main__":
    print(table())  # noqa: T201 - it is what the command is for
