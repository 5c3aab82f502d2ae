"""Write posts without labels as files for annotators."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from cli.label_queue import label_studio
from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.storage.label_queue import PREDICTION_FIELDS, QueuedPost
from stresswatch.task.definition import TASK

_ID, _TEXT, _SOURCE, _CREATED_AT = TASK.fields
_POST_COLUMNS = ("prediction_id", _ID, _TEXT, *NUMERIC_FEATURES, _SOURCE, _CREATED_AT)
BYTE_ORDER_MARK = "\ufeff"
"""Byte order mark for CSV, so that Excel reads it as UTF-8."""
LABEL = "label"
"""The column that annotators fill in."""


class ExportFormat(StrEnum):
    """Formats of a file for annotators."""

    LABEL_STUDIO = "label-studio"
    CSV = "csv"
    JSONL = "jsonl"


def export(posts: Sequence[QueuedPost], format_: ExportFormat, *, blind: bool) -> str:
    """Write posts, in their order, as a file.

    Parameters
    ----------
    blind
        Leave out the model's predictions and the sampling details.
    """
    match format_:
        case ExportFormat.LABEL_STUDIO:
            tasks = [label_studio.task(queued, blind=blind) for queued in posts]
            return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"
        case ExportFormat.JSONL:
            return "".join(f"{line}\n" for line in map(json.dumps, _rows(posts, blind=blind)))
        case ExportFormat.CSV:
            text = io.StringIO(newline="")
            columns = [*_POST_COLUMNS, *(() if blind else PREDICTION_FIELDS), LABEL]
            writer = csv.DictWriter(text, columns)
            writer.writeheader()
            writer.writerows(_rows(posts, blind=blind))
            return BYTE_ORDER_MARK + text.getvalue()


def _rows(posts: Sequence[QueuedPost], *, blind: bool) -> list[dict[str, Any]]:
    left_out = PREDICTION_FIELDS if blind else ()
    return [
        {name: value for name, value in queued.record().items() if name not in left_out}
        | {LABEL: None}
        for queued in posts
    ]
