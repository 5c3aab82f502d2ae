"""Check states in JSONata, and maps, as Step Functions does and emulators do not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata

from verification.aws.state_machines import Definition, levels

INLINE_CONCURRENCY = 40
"""Maximum concurrent items of an inline map."""
_WITH_STATES = frozenset({"Branches", "ItemProcessor", "Iterator"})
"""Fields of a state that contain states."""


def expression_faults(definition: Definition) -> Iterator[str]:
    """Return the faults in expressions of states.

    Step Functions parses each when a state machine is made, and has all functions of JSONata except
    ``$eval``. https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    for level in levels(definition):
        for name, state in level["States"].items():
            own = {key: value for key, value in state.items() if key not in _WITH_STATES}
            for text in _texts(own):
                if text.startswith("{%") and (fault := _fault(text)):
                    yield f"{name}: {text}: {fault}"


def map_faults(definition: Definition) -> Iterator[str]:
    """Return maps with more concurrent items than an inline map can run.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    """
    for level in levels(definition):
        for name, state in level["States"].items():
            if state["Type"] != "Map":
                continue
            mode = state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode", "INLINE")
            most = state.get("MaxConcurrency", 0)
            if mode == "INLINE" and most > INLINE_CONCURRENCY:
                yield f"{name}: {most} items at a time, of {INLINE_CONCURRENCY} in an inline map"


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _fault(text: str) -> str | None:
    if not text.endswith("%}"):
        return "it does not end with %}"
    expression = text[2:-2]
    if re.search(r"\$eval\b", expression):
        return "Step Functions has no $eval"
    try:
        Jsonata.jsonata(expression)
    except JException as error:
        return f"it cannot be parsed: {error}"
    return None
