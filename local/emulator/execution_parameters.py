"""Athena's execution parameters, which the emulator leaves where the question marks are.

Athena takes each as a literal of SQL and puts it in the place of a question mark. DuckDB, which
runs the emulator's queries, would refuse the marks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ministack.core.responses import error_response_json  # type: ignore[import-untyped]
from ministack.services import athena  # type: ignore[import-untyped]


def take_execution_parameters() -> None:
    """Have this process's emulator put a query's parameters into it."""
    athena._start_query_execution = partial(_start, athena._start_query_execution)


def _start(start: Callable[[dict[str, Any]], Any], request: dict[str, Any]) -> Any:
    query, parameters = request.get("QueryString", ""), request.get("ExecutionParameters", [])
    bound = with_parameters(query, parameters)
    if bound is None:
        return error_response_json(
            "InvalidRequestException",
            f"Incorrect number of parameters: {len(parameters)} were given",
            400,
        )
    return start(request | {"QueryString": bound})


def with_parameters(query: str, parameters: Sequence[str]) -> str | None:
    """Return a query with its parameters; None when they are more or fewer than it asks for."""
    places = [
        (start, end)
        for kind, text, start, end in athena._sql_tokens(query)
        if (kind, text) == ("punct", "?")
    ]
    if len(places) != len(parameters):
        return None
    for (start, end), literal in reversed(list(zip(places, parameters, strict=True))):
        query = query[:start] + literal + query[end:]
    return query
