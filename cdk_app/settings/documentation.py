"""The settings as lists in Markdown, for ``docs/stages.md``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import groupby
from types import NoneType
from typing import NamedTuple, get_args

from pydantic.fields import FieldInfo

from cdk_app.settings.base import Settings
from cdk_app.settings.sentences import limits_of, written
from cdk_app.settings.stage import Stage
from cdk_app.settings.stages import STAGES


class Setting(NamedTuple):
    """A setting by its path from the stage, such as ``monitoring.window_minutes``."""

    path: str
    field: FieldInfo

    @property
    def group(self) -> str:
        """The setting's first group; ``stage`` for those of the stage itself."""
        group, _, name = self.path.partition(".")
        return group if name or _group_of(self.field) else "stage"

    def of(self, stage: Stage) -> object:
        """Return a stage's value; None below a group that the stage does not have."""
        value: object = stage
        for name in self.path.split("."):
            value = None if value is None else getattr(value, name)
        return value


def settings(model: type[Settings] = Stage, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting, group by group; a group is one as well if it may be missing."""
    for name, field in model.model_fields.items():
        group = _group_of(field)
        if group is None or field.description:
            yield Setting(f"{prefix}{name}", field)
        if group:
            yield from settings(group, f"{prefix}{name}.")


def lists() -> str:
    """Return a heading and a list in Markdown for each group of settings."""
    documented = (setting for setting in settings() if setting.path != "name")
    return "\n\n".join(
        "\n".join([f"### {group.replace('_', ' ').capitalize()}\n", *map(_item, members)])
        for group, members in groupby(documented, key=lambda setting: setting.group)
    )


def _item(setting: Setting) -> str:
    return (
        f"- `{setting.path}`: {setting.field.description} *Allowed:* {_allowed(setting.field)}. "
        f"*Value:* {_values(setting)}."
    )


def _group_of(field: FieldInfo) -> type[Settings] | None:
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, Settings):
            return kind
    return None


def _unit(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def _allowed(field: FieldInfo) -> str:
    """Return a field's limits with their unit, or its type in words where it has none."""
    kind = field.annotation
    if limits := limits_of(field):
        lowest, highest = limits
        optional = " or None" if NoneType in get_args(kind) else ""
        return f"{lowest:,} to {highest:,} {_unit(field)}".strip() + optional
    return f"{written(kind)} {_unit(field)}".strip()


def _values(setting: Setting) -> str:
    """Return the value of each stage, or the one that all share."""
    values = {name: _formatted(setting.of(stage)) for name, stage in STAGES.items()}
    if len({*values.values()}) == 1:
        return values.popitem()[1]
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _formatted(value: object) -> str:
    match value:
        case Enum():
            return f"`{value.value}`"
        case int() | float() if not isinstance(value, bool):
            return f"{value:,}"
        case Settings():
            return f"`{type(value).__name__}()`"
    if is_dataclass(value) and not isinstance(value, type):
        own = type(value)()
        changed = [f.name for f in fields(value) if getattr(value, f.name) != getattr(own, f.name)]
        return "defaults" if not changed else f"own {', '.join(changed)}"
    return f"`{value}`"
