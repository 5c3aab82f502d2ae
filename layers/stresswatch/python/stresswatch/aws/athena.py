"""Athena: run a query in a workgroup, wait for its end, and read its rows.

Values are execution parameters, never part of the SQL. Rows come from the results API, in pages, so
that few are in memory at a time, and as NULL and the empty text are one in Athena's CSV.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stresswatch.errors import AwsFailure

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import DatumTypeDef, QueryExecutionTypeDef

PAGE_ROWS = 1000
"""The most rows that Athena gives at a time."""
Parameter = str | int | float

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
_ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_error_name = re.compile(r"[A-Z][A-Z_]+(?=:)").match
_INTEGERS = ("tinyint", "smallint", "int", "integer", "bigint")
_READERS: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    **dict.fromkeys(_INTEGERS, int),
    **dict.fromkeys(("real", "float", "double"), float),
    "timestamp": lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
}


class QueryFailed(AwsFailure):
    """Athena did not answer a query.

    The message has Athena's name of the error and the query's id. Athena's own message stays in
    Athena, as it may quote a row.
    """


@dataclass(frozen=True)
class Athena:
    """Queries of one database in one workgroup, which says where results go.

    Attributes
    ----------
    patience_seconds : float
        How long a query may take; then it is stopped.
    """

    client: AthenaClient
    workgroup: str
    database: str
    patience_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[dict[str, Any]]:
        """Run a query to its end; return its rows, which are read as they are asked for.

        Parameters
        ----------
        sql : str
            One statement, with a question mark for each parameter.
        parameters : sequence of str, int or float
            A timestamp is a text that the SQL casts.

        Raises
        ------
        QueryFailed
            When it failed, was cancelled, or took longer than `patience_seconds`.
        """
        given: dict[str, Any] = {}
        if parameters:
            given["ExecutionParameters"] = [_literal(value) for value in parameters]
        execution = self.client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            WorkGroup=self.workgroup,
            **given,
        )["QueryExecutionId"]
        self._wait(execution)
        return self._rows(execution)

    def _wait(self, execution: str) -> None:
        deadline, wait = self.clock() + self.patience_seconds, _FIRST_WAIT_SECONDS
        while True:
            found = self.client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]
            state = found["Status"]["State"]
            if state == "SUCCEEDED":
                return
            if state in _ENDED:
                raise QueryFailed(f"the query {execution} ended as {state}{_why(found)}")
            if self.clock() >= deadline:
                self.client.stop_query_execution(QueryExecutionId=execution)
                raise QueryFailed(
                    f"the query {execution} did not end within {self.patience_seconds:g} s, and "
                    "was stopped"
                )
            self.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)

    def _rows(self, execution: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("get_query_results").paginate(
            QueryExecutionId=execution, PaginationConfig={"PageSize": PAGE_ROWS}
        )
        is_first = True
        for page in pages:
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            # The first row of the first page is the columns' names.
            for row in page["ResultSet"]["Rows"][is_first:]:
                yield {
                    column["Name"]: _value(column["Type"], datum)
                    for column, datum in zip(columns, row["Data"], strict=True)
                }
            is_first = False


def _literal(value: Parameter) -> str:
    """Return a parameter as SQL writes it, which Athena takes parameters as."""
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return str(value)


def _value(kind: str, datum: DatumTypeDef) -> Any:
    text = datum.get("VarCharValue")
    return None if text is None else _READERS.get(kind, str)(text)


def _why(execution: QueryExecutionTypeDef) -> str:
    """Return Athena's name of an error, which stands before its message."""
    named = _error_name(execution["Status"].get("StateChangeReason", ""))
    return f" ({named[0]})" if named else ""
