"""Add execution parameters and the workgroup of a query to the emulator's Athena.

Athena inserts each parameter as an SQL literal for a question mark. DuckDB, which runs the
emulator's queries, would reject the marks.

On AWS, access to a workgroup includes its queries. The emulator knows a query's workgroup only at
its start, and denies later requests for the query.

Like `closed_shards`, this patches the emulator: names that a release removes break its start, not
the queries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ministack.core import iam_actions  # type: ignore[import-untyped]
from ministack.core.responses import error_response_json  # type: ignore[import-untyped]
from ministack.services import athena  # type: ignore[import-untyped]


def complete_queries() -> None:
    """Patch this process's emulator to accept parameters and to know each query's workgroup."""
    athena._start_query_execution = partial(_start, athena._start_query_execution)
    iam_actions.extract_resource_arn = partial(_resource, iam_actions.extract_resource_arn)


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


def _resource(
    of: Callable[..., str],
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    *rest: Any,
) -> str:
    """Return the ARN of a request's resource; for a query, its workgroup's."""
    found = of(service, method, path, headers, body, *rest)
    if service != "athena" or found != "*":
        return found
    query = athena._executions.get(_field(body, "QueryExecutionId"))
    return str(athena._arn_workgroup(query["WorkGroup"])) if query else found


def _field(body: bytes, name: str) -> object:
    try:
        return json.loads(body).get(name)
    except (AttributeError, ValueError):
        return None


def with_parameters(query: str, parameters: Sequence[str]) -> str | None:
    """Return a query with its parameters inserted; None if their number is wrong."""
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
