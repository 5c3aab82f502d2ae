"""Athena's answers: waited for, read page by page with their types; failures quote nothing."""

from datetime import UTC, datetime

import pytest

from stresswatch.aws.athena import Athena, QueryFailed
from tests.strict_calls import checked

SECRET = "a text that a row holds"
COLUMNS = [
    ("post_id", "varchar"),
    ("stressed", "boolean"),
    ("posts", "bigint"),
    ("probability", "double"),
    ("predicted_at", "timestamp"),
]


class Service:
    """Answer as Athena does: states, one after the other, and pages of rows."""

    def __init__(self, states=("SUCCEEDED",), pages=((),), reason=""):
        self.states = list(states)
        self.pages = pages
        self.reason = reason
        self.started = {}
        self.stopped = []

    def start_query_execution(self, **request):
        checked("athena", "StartQueryExecution", ClientRequestToken="t" * 32, **request)
        self.started = request
        return {"QueryExecutionId": "query-1"}

    def get_query_execution(self, **request):
        checked("athena", "GetQueryExecution", **request)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": self.reason}}}

    def stop_query_execution(self, **request):
        checked("athena", "StopQueryExecution", **request)
        self.stopped.append(request["QueryExecutionId"])

    def get_paginator(self, operation):
        assert operation == "get_query_results"
        return self

    def paginate(self, **request):
        assert request["PaginationConfig"] == {"PageSize": 1000}
        header = [{"VarCharValue": name} for name, _ in COLUMNS]
        for number, rows in enumerate(self.pages):
            values = [
                [{"VarCharValue": text} if text is not None else {} for text in row] for row in rows
            ]
            yield {
                "ResultSet": {
                    "ResultSetMetadata": {
                        "ColumnInfo": [{"Name": name, "Type": kind} for name, kind in COLUMNS]
                    },
                    "Rows": [{"Data": data} for data in ([header] if number == 0 else []) + values],
                }
            }


class Clock:
    def __init__(self):
        self.now = 0.0
        self.waits = []

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def athena(service, clock=None):
    clock = clock or Clock()
    return Athena(service, "work", "base", sleep=clock.sleep, clock=lambda: clock.now)


ROW = ("post-1", "true", "3", "0.1", "2026-11-30 08:00:00.123")


def test_rows_are_typed_and_the_header_row_is_skipped():
    (row,) = athena(Service(pages=[[ROW]])).query("SELECT 1")
    assert row == {
        "post_id": "post-1",
        "stressed": True,
        "posts": 3,
        "probability": 0.1,
        "predicted_at": datetime(2026, 11, 30, 8, 0, 0, 123000, UTC),
    }


def test_null_and_the_empty_text_differ():
    pages = [[("", *ROW[1:]), (None, *ROW[1:])]]
    assert [row["post_id"] for row in athena(Service(pages=pages)).query("SELECT 1")] == ["", None]


def test_all_pages_are_read_and_only_the_first_has_a_header():
    pages = [[(f"a{n}", *ROW[1:]) for n in range(999)], [("b", *ROW[1:])], [("c", *ROW[1:])]]
    ids = [row["post_id"] for row in athena(Service(pages=pages)).query("SELECT 1")]
    assert (len(ids), ids[-2:]) == (1001, ["b", "c"])


def test_parameters_are_sent_as_quoted_literals_outside_the_query():
    service = Service()
    list(athena(service).query("SELECT ?, ?", ["it's", 7]))
    assert service.started == {
        "QueryString": "SELECT ?, ?",
        "ExecutionParameters": ["'it''s'", "7"],
        "QueryExecutionContext": {"Database": "base"},
        "WorkGroup": "work",
    }


def test_a_query_without_parameters_sends_none():
    service = Service()
    list(athena(service).query("SELECT 1"))
    assert "ExecutionParameters" not in service.started


def test_polling_waits_grow_up_to_five_seconds():
    clock = Clock()
    states = ["QUEUED", *["RUNNING"] * 20, "SUCCEEDED"]
    list(athena(Service(states), clock).query("SELECT 1"))
    assert clock.waits == sorted(clock.waits)
    assert (clock.waits[0], clock.waits[-1]) == (0.1, 5.0)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_failure_names_athenas_error_code_without_row_values(state):
    reason = f"HIVE_BAD_DATA: Error parsing field value '{SECRET}' for field 3"
    with pytest.raises(QueryFailed) as failure:
        athena(Service(["RUNNING", state], reason=reason)).query("SELECT 1")
    assert str(failure.value) == f"the query query-1 ended as {state} (HIVE_BAD_DATA)"


def test_a_failure_without_an_error_code_quotes_nothing():
    with pytest.raises(QueryFailed) as failure:
        athena(Service(["FAILED"], reason=SECRET)).query("SELECT 1")
    assert str(failure.value) == "the query query-1 ended as FAILED"


def test_a_query_that_takes_too_long_is_stopped():
    service = Service(["RUNNING"])
    with pytest.raises(QueryFailed, match="did not end within 600 s, and was stopped"):
        athena(service).query("SELECT 1")
    assert service.stopped == ["query-1"]
