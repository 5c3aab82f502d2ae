"""The held objects that a replay selects, by reason and time."""

from datetime import timedelta

import pytest

from cli.errors import OperatorError
from cli.replay.held_objects import Selection
from cli.replay.replay_records import selection_of
from stresswatch.storage import quarantine
from tests.integration.replay.stack import NOW


def test_only_selected_records_are_sent(stack):
    stack.reject(1, arrived=NOW - timedelta(days=2))
    stack.reject(2, arrived=NOW - timedelta(minutes=2))
    stack.reject(3, text="")
    stack.give_up(4, arrived=NOW - timedelta(days=2))
    stack.give_up(5)
    since = (NOW - timedelta(hours=1)).isoformat()
    until = (NOW - timedelta(minutes=1)).isoformat()
    stack.replay(selection=selection_of(["text_too_long"], since, until))
    assert stack.delivered == {"2": 1}
    stack.replay(selection=selection_of(["text_too_long", "RecordAgeExceeded"], None, since))
    assert stack.delivered == {"2": 1, "1": 1, "4": 1}
    stack.replay(selection=selection_of([], until, None))
    assert stack.delivered == {"2": 1, "1": 1, "4": 1, "3": 1, "5": 1}


@pytest.mark.parametrize("moments", [("", None), (None, "")])
def test_an_empty_time_is_rejected(moments):
    with pytest.raises(OperatorError, match="is ''; give an ISO 8601 time"):
        selection_of([], *moments)


def test_only_the_selected_days_are_read(stack):
    for days in range(4):
        stack.reject(days + 1, arrived=NOW - timedelta(days=days))
    read = []
    stack.before("GetObject", lambda request: read.append(request["Key"]))
    midnight = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
    since, until = midnight - timedelta(days=2), midnight - timedelta(days=1, seconds=1)
    stack.replay(execute=False, selection=Selection(since=since, until=until))
    assert [key.split("/")[1] for key in read] == [quarantine.day(since)]


def test_an_unknown_reason_is_reported_with_the_known_ones(stack):
    stack.reject(1)
    stack.give_up(2)
    assert stack.replay("text_to_long") == 0
    assert "There is nothing to replay." in stack.shown
    assert (
        "No records have the reason 'text_to_long'; the reasons found are RecordAgeExceeded, "
        "text_too_long." in stack.shown
    )
    assert stack.delivered == {}
