"""What the emulator's Athena lacks: execution parameters, and the workgroup that a query is of.

Athena takes each parameter as a literal of SQL and puts it in the place of a question mark. DuckDB,
which runs the emulator's queries, would refuse the marks.

AWS allows whoever may use a workgroup to follow its queries. The emulator knows a query's workgroup
only when it is started, and refuses whoever asks for it later.

Like `closed_shards` this changes the emulator from inside: names that a release takes away break
its start, not the queries.
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
    """Have this process's emulator take parameters, and know each query's workgroup."""
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
    """Return the ARN that a request is about: of a query that of its workgroup."""
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
