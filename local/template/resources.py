"""What rewrites of a template are made of: what they know beside it, and ways to change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import UnsupportedTemplate

Template = dict[str, Any]

RUNTIME = "python3.13"
"""Which the functions that are made here name; the emulator runs its own interpreter."""


@dataclass(frozen=True)
class ImageCode:
    """Where the code of a container image lies as a zip, and how the image would start it."""

    bucket: str
    key: str
    handler: str = "handler.handler"
    entry_point: tuple[str, ...] = ()


@dataclass(frozen=True)
class RewriteContext:
    """What the rewrites need to know beside the template."""

    images: Mapping[str, ImageCode] = field(default_factory=dict)
    """By image tag."""
    foreign_layers: frozenset[str] = frozenset()
    """Asset keys of layers that hold third-party packages."""
    tracking_uri: str | None = None
    """Where MLflow records the training jobs of this machine."""
    endpoint_url: str = ""
    """Where the emulator listens."""


def resources_of(template: Template, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the resources of a type, with their logical ids."""
    return [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    ]


def without(template: Template, names: set[str]) -> Template:
    """Leave out resources, and what waits for them to be created."""
    resources = {
        name: resource for name, resource in template["Resources"].items() if name not in names
    }
    for resource in resources.values():
        if "DependsOn" in resource:
            resource["DependsOn"] = [
                name for name in as_list(resource["DependsOn"]) if name not in names
            ]
    return template | {"Resources": resources}


def map_references(value: Any, change: Callable[[str], dict[str, Any] | None]) -> Any:
    """Put something else in the place of a `Ref`, where `change` gives it."""
    match value:
        case {"Ref": str(name)} if (changed := change(name)) is not None:
            return changed
        case dict():
            return {key: map_references(one, change) for key, one in value.items()}
        case list():
            return [map_references(one, change) for one in value]
    return value


def code_of(image_uri: Any, context: RewriteContext) -> ImageCode:
    text = json.dumps(image_uri)
    for tag, code in context.images.items():
        if tag in text:
            return code
    raise UnsupportedTemplate(f"the image {text} is not one of the app's own")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
