"""Athena: runs a query in a workgroup, waits for its end, and reads its rows.

Values are execution parameters, never part of the SQL. Rows come from the results API page by page:
few are in memory at a time, and NULL differs from the empty text, unlike in Athena's CSV.
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
"""Athena's maximum of rows per page."""
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

    The message has the query's id and Athena's name for the error. It omits Athena's own message,
    which may quote a row.
    """


@dataclass(frozen=True)
class Athena:
    """Queries of one database in one workgroup, which sets the results' location.

    Attributes
    ----------
    patience_seconds : float
        Time limit for a query, which is then stopped.
    """

    client: AthenaClient
    workgroup: str
    database: str
    patience_seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def query(self, sql: str, parameters: Sequence[Parameter] = ()) -> Iterator[dict[str, Any]]:
        """Run a query to its end; return an iterator that reads its rows on demand.

        Parameters
        ----------
        sql : str
            One statement, with a question mark per parameter.
        parameters : sequence of str, int or float
            Timestamps are texts that the SQL casts.

        Raises
        ------
        QueryFailed
            When the query failed, was cancelled, or exceeded `patience_seconds`.
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
            # The first row on the first page has the column names.
            for row in page["ResultSet"]["Rows"][is_first:]:
                yield {
                    column["Name"]: _value(column["Type"], datum)
                    for column, datum in zip(columns, row["Data"], strict=True)
                }
            is_first = False


def _literal(value: Parameter) -> str:
    """Return a parameter as an SQL literal, which is Athena's format for parameters."""
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return str(value)


def _value(kind: str, datum: DatumTypeDef) -> Any:
    text = datum.get("VarCharValue")
    return None if text is None else _READERS.get(kind, str)(text)


def _why(execution: QueryExecutionTypeDef) -> str:
    """Return Athena's name of an error, which precedes its message."""
    named = _error_name(execution["Status"].get("StateChangeReason", ""))
    return f" ({named[0]})" if named else ""
