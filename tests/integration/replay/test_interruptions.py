"""A replay that is killed, stopped or run twice at once: each record is predicted exactly once."""

import pytest
from botocore.exceptions import ClientError

from cli.replay.claims import LEASE
from tests.integration.replay.stack import Killed, ids, rows_of

WRITES = ("PutObject", "DeleteObject")


@pytest.mark.parametrize("done", range(10))
def test_records_are_predicted_once_despite_a_kill_at_any_step(stack, done):
    stack.reject(1, 2)
    stack.give_up(3, 4)
    steps = iter(range(100))
    alive = [False]

    def step(request=None):
        if not alive[0] and next(steps) >= done:
            raise Killed

    def step_unless_the_predictors(request):
        if request["Bucket"] == "quarantine":
            step()

    for operation in WRITES:
        stack.before(operation, step_unless_the_predictors)
    stack.before_invoke = step
    if done < 8:  # two claims and two deletions of records, one each of the batch, two invocations
        with pytest.raises(Killed):
            stack.replay()
    else:
        assert stack.replay() == 0
    alive[0] = True
    stack.later = LEASE
    assert stack.replay() == 0
    assert stack.archived() == ids(1, 2, 3, 4)
    assert {p["prediction_id"] for p in stack.aws.predictions()} == set(ids(1, 2, 3, 4))
    assert stack.held() == {}


def test_claims_of_a_killed_replay_hold_until_they_expire(stack):
    stack.reject(1, 2)

    def die():
        stack.before("PutObject", die_too)
        raise Killed

    def die_too(request):
        if request["Bucket"] == "quarantine" and not revived:
            raise Killed

    revived = []
    stack.before_invoke = die
    with pytest.raises(Killed):
        stack.replay()
    revived.append(True)
    stack.before_invoke = lambda: None
    assert stack.replay() == 2
    assert "2 records are in another replay, which runs or was killed" in stack.shown
    assert stack.delivered == {}
    stack.later = LEASE
    assert stack.replay() == 0
    assert stack.delivered == {"1": 1, "2": 1}


def test_a_manually_stopped_replay_can_be_restarted_at_once(stack):
    stack.reject(1)
    before = stack.held()

    def stop():
        raise KeyboardInterrupt

    stack.before_invoke = stop
    with pytest.raises(KeyboardInterrupt):
        stack.replay()
    assert stack.held() == before
    assert ("quarantine", "text_too_long", "1", "0", "1") in rows_of(stack.shown)
    stack.before_invoke = lambda: None
    assert stack.replay() == 0
    assert stack.archived() == ids(1)


@pytest.mark.parametrize("operation", ["PutObject", "invoke", "DeleteObject"])
def test_concurrent_replays_send_each_record_once(stack, operation):
    stack.reject(*range(1, 6))
    stack.give_up(6, 7)
    others_turn = iter([True])

    def others(request=None):
        if (request is None or request["Bucket"] == "quarantine") and next(others_turn, False):
            stack.replay()

    if operation == "invoke":
        stack.before_invoke = others
    else:
        stack.before(operation, others)
    stack.replay()
    assert stack.delivered == dict.fromkeys("1234567", 1)
    assert stack.archived() == ids(*range(1, 8))
    assert stack.held() == {}


def test_a_post_forgotten_during_a_replay_is_not_sent(stack):
    stack.reject(1, 2)
    (first, _) = stack.aws.keys("quarantine")
    forget = iter([True])

    def forget_first(request):
        if request["Key"] == first and next(forget, False):
            stack.aws.s3.delete_object(Bucket="quarantine", Key=first)

    stack.before("PutObject", forget_first)
    stack.replay()
    assert stack.delivered == {"2": 1}
    assert stack.held() == {}


def test_a_missing_permission_shows_what_was_sent_so_far(stack):
    stack.reject(1)
    stack.give_up(2)

    def deny(request):
        if request["Key"].startswith("aws/lambda/"):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutObject")

    stack.before("PutObject", deny)
    with pytest.raises(ClientError, match="AccessDenied"):
        stack.replay()
    assert ("quarantine", "text_too_long", "1", "1", "0") in rows_of(stack.shown)
    assert ("failed batches", "RecordAgeExceeded", "1", "0", "1") in rows_of(stack.shown)
