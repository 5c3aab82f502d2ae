"""A replay while the predictor fails or cannot finish."""

import json

import pytest

from cli.errors import OperatorError
from lambdas.predictor.handler import handler
from tests.integration.conftest import CONTEXT
from tests.integration.replay.stack import crash_on, ids


def test_partial_batch_failures_are_retried_and_the_records_kept(stack):
    stack.reject(1)
    before = stack.held()
    stack.answer = lambda event: {"batchItemFailures": [{"itemIdentifier": "1"}]}
    with pytest.raises(OperatorError, match="partial-batch-failures"):
        stack.replay()
    assert stack.held() == before
    assert stack.delivered["1"] == 1 + len(stack.slept) == 6
    stack.answer = lambda event: handler(event, CONTEXT)
    assert stack.replay() == 0


def test_a_retry_continues_from_the_first_unfinished_record(stack):
    stack.give_up(1, 2, 3)
    refused = iter(["2", "3"])

    def answer(event):
        unfinished = next(refused, None)
        return {"batchItemFailures": [{"itemIdentifier": unfinished}] if unfinished else []}

    stack.answer = answer
    assert stack.replay() == 0
    assert stack.delivered == {"1": 1, "2": 2, "3": 3}
    assert stack.slept == []


def test_only_the_record_that_crashes_the_predictor_stays(stack):
    key = stack.give_up(1, 2, 3, 4)
    stack.reject(5)
    stack.answer = crash_on("3")
    assert stack.replay() == 1
    assert stack.archived() == ids(1, 2, 4, 5)
    assert "The predictor failed on records that stay: MemoryError 1." in stack.shown
    left = json.loads(stack.aws.body("quarantine", key))
    assert left["KinesisBatchInfo"]["batchSize"] == 1
    stack.delivered.clear()
    stack.answer = lambda event: handler(event, CONTEXT)
    assert stack.replay() == 0
    assert stack.delivered == {"3": 1}
    assert stack.archived() == ids(1, 2, 3, 4, 5)


def test_a_replay_stops_after_several_failures_in_a_row(stack):
    stack.give_up(*range(1, 101))
    before = stack.held()
    stack.answer = crash_on(*map(str, range(1, 101)))
    with pytest.raises(OperatorError, match=r"failed on several records in a row \(MemoryError\)"):
        stack.replay()
    assert len(stack.sizes) < 20
    assert [json.loads(body) for body in stack.held().values()] == [
        json.loads(body) for body in before.values()
    ]
