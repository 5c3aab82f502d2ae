"""JSON Schemas of the contracts, from the code that reads and writes them.

``python -m docs`` writes each to the site's ``schemas/``, and a page with all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS
from stresswatch.monitoring import drift_history
from stresswatch.retraining.verdict import Verdict
from stresswatch.serving.web_schemas import LabelledPost, Post, Prediction
from stresswatch.task.definition import TASK
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_version import Manifest

_TYPES = {str: "string", bool: "boolean", float: "number"}
_ARROW_TYPES = {"string": "string", "bool": "boolean", "double": "number", "int64": "integer"}
_MAY_BE_NULL = {
    *("source", "created_at", "text_digest", "inclusion_probability", "sample"),
    *NUMERIC_FEATURES,
}
"""Columns of the archive that may be missing in posts, or in rows from outside the stream."""
_DESCRIBED = {
    **{one.name: f"{one.description}; {one.range}" for one in TASK.numeric_features},
    TASK.label.field: f"Whether the post is called {TASK.label.name(1)}",
    "probability": f"Of {TASK.label.noun}",
}
_LACKED_BEFORE = {"text_digest", "inclusion_probability", "sample"}
"""Columns that are missing in rows of earlier releases."""


def schemas() -> dict[str, dict[str, Any]]:
    """Return each contract's schema by name."""
    found = {
        "post": TypeAdapter(Post).json_schema(),
        "label": TypeAdapter(LabelledPost).json_schema(),
        "prediction": TypeAdapter(Prediction).json_schema(),
        "archive-row": _object(
            "Archive row",
            {name: _TYPES[kind] for name, kind in ARCHIVE_COLUMNS.items()},
            _MAY_BE_NULL,
            _LACKED_BEFORE,
        ),
        "drift-history-row": _object(
            "Row of the history of drift",
            {
                column.name: _ARROW_TYPES.get(str(column.type), "string")
                for column in drift_history.SCHEMA
            },
            drift_history.SCHEMA.names,
        ),
        "champion": TypeAdapter(Pointer).json_schema(),
        "model-manifest": TypeAdapter(Manifest).json_schema(),
        "verdict": TypeAdapter(Verdict).json_schema(),
    }
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {name: dialect | schema for name, schema in found.items()}


def write(folder: Path) -> str:
    """Write each schema to a file with its name; return the page that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["# Schemas", "JSON Schemas of the [contracts](contracts.md), generated from the code."]
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2)
        (folder / f"{name}.json").write_text(f"{text}\n")
        title = schema["title"]
        parts.append(f"## {title}\n\n[{name}.json]({folder.name}/{name}.json)")
        parts.append(f"```json\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _object(
    title: str, types: Mapping[str, str], nullable: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Any]:
    may_be_null, may_be_absent = set(nullable), set(optional)
    return {
        "title": title,
        "type": "object",
        "properties": {
            name: {"type": [kind, "null"] if name in may_be_null else kind}
            | ({"description": _DESCRIBED[name]} if name in _DESCRIBED else {})
            for name, kind in types.items()
        },
        "required": [name for name in types if name not in may_be_absent],
        "additionalProperties": False,
    }
