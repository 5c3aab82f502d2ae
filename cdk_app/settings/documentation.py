"""The settings as a table of Markdown, for ``docs/stages.md``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from cdk_app.settings.base import Settings
from cdk_app.settings.sentences import limits_of
from cdk_app.settings.stage import Stage
from cdk_app.settings.stages import STAGES


class Setting(NamedTuple):
    """A setting by its path from the stage, such as ``monitoring.window_minutes``."""

    path: str
    field: FieldInfo

    def of(self, stage: Stage) -> object:
        """Return a stage's value; None below a group that the stage does not have."""
        value: object = stage
        for name in self.path.split("."):
            value = None if value is None else getattr(value, name)
        return value


def settings(model: type[Settings] = Stage, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting, group by group; a group has a row of its own if it may be missing."""
    for name, field in model.model_fields.items():
        group = _group_of(field)
        if group is None or field.description:
            yield Setting(f"{prefix}{name}", field)
        if group:
            yield from settings(group, f"{prefix}{name}.")


def table() -> str:
    """Return the settings as a table of Markdown, one row each."""
    head = ["setting", "type", "unit", "limits", *STAGES, "description"]
    rows = [
        [
            f"`{setting.path}`",
            _type(setting.field.annotation),
            _unit(setting.field),
            _limits(setting.field),
            *(_written(setting.of(stage)) for stage in STAGES.values()),
            setting.field.description or "",
        ]
        for setting in settings()
        if setting.path != "name"
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _group_of(field: FieldInfo) -> type[Settings] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Settings):
            return kind
    return None


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _type(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is tuple:
        return "tuple of str"
    if origin is Literal:
        return "int"
    if arguments:
        return " or ".join(map(_type, arguments))
    return "None" if kind is NoneType else str(kind.__name__)


def _limits(field: FieldInfo) -> str:
    kind = field.annotation
    if limits := limits_of(field):
        lowest, highest = limits
        return f"{lowest:,} to {highest:,}"
    if get_origin(kind) is Literal:
        return ", ".join(f"{choice:,}" for choice in get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(choice.value for choice in kind)
    return ""


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
        case Settings():
            return "yes"
    if is_dataclass(value) and not isinstance(value, type):
        own = type(value)()
        changed = [f.name for f in fields(value) if getattr(value, f.name) != getattr(own, f.name)]
        return "defaults" if not changed else f"own {', '.join(changed)}"
    return f"`{value}`"
