"""Parts of template rewrites: their context, and operations on resources."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.errors import UnsupportedTemplate

Template = dict[str, Any]

RUNTIME = "python3.13"
"""Runtime of functions from this package; the emulator runs its own interpreter."""


@dataclass(frozen=True)
class ImageCode:
    """The zip with a container image's code, and the image's command."""

    bucket: str
    key: str
    handler: str = "handler.handler"
    entry_point: tuple[str, ...] = ()


@dataclass(frozen=True)
class RewriteContext:
    """The context of rewrites besides the template."""

    images: Mapping[str, ImageCode] = field(default_factory=dict)
    """Packages by image tag."""
    foreign_layers: frozenset[str] = frozenset()
    """Asset keys of layers with third-party packages."""
    tracking_uri: str | None = None
    """MLflow tracking address for this machine's training jobs."""
    endpoint_url: str = ""
    """The emulator's address."""


def resources_of(template: Template, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the resources of a type, with their logical ids."""
    return [
        (name, resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    ]


def without(template: Template, names: set[str]) -> Template:
    """Remove resources, and dependencies on them."""
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
    """Replace a `Ref` with the result of `change`, if any."""
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
