"""Rules of an event source mapping, one by one, without AWS."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.event_source_mapping.batching import (
    PAYLOAD_LIMIT,
    Batch,
    Condition,
    Discard,
    InvocationResult,
    Invoke,
    Lane,
    MappingSettings,
    NotInvoked,
    ShardRecord,
    Wait,
    drop_first,
    lane_of,
    next_step,
    settle,
    take,
)

NOW = 1_800_000_000.0
SETTINGS = MappingSettings(
    batch_size=4, report_item_failures=True, starting_position="TRIM_HORIZON"
)
SUCCESS = InvocationResult({"batchItemFailures": []})
ERROR = InvocationResult({"errorMessage": "boom"}, function_error="Unhandled")


def records(count: int, *, first: int = 1, arrived_at: float = NOW) -> list[ShardRecord]:
    return [
        ShardRecord(str(number), f"key-{number}", b"data", arrived_at)
        for number in range(first, first + count)
    ]


def failing(*identifiers: object) -> InvocationResult:
    return InvocationResult({"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]})


def numbers(batch: Batch) -> list[str]:
    return [record.sequence_number for record in batch.records]


def invoked(lane: Lane, settings: MappingSettings, now: float = NOW) -> tuple[Lane, list[str]]:
    lane, step = next_step(lane, settings, now)
    assert isinstance(step, Invoke)
    return lane, numbers(step.batch)


def lane_with_batch(count: int, settings: MappingSettings = SETTINGS) -> Lane:
    lane, _ = invoked(take(Lane(), records(count), NOW), replace(settings, batch_size=count))
    return lane


class TestBatches:
    def test_an_empty_lane_waits(self) -> None:
        _, step = next_step(Lane(), SETTINGS, NOW)
        assert step == Wait()

    def test_records_are_delivered_in_order_in_batches_of_the_set_size(self) -> None:
        lane, first = invoked(take(Lane(), records(6), NOW), SETTINGS)
        _, second = invoked(settle(lane, SUCCESS, SETTINGS, NOW), SETTINGS)
        assert (first, second) == (["1", "2", "3", "4"], ["5", "6"])

    def test_an_incomplete_batch_waits_for_the_window_to_close(self) -> None:
        settings = replace(SETTINGS, batching_window=5.0)
        lane = take(take(Lane(), records(1), NOW), records(1, first=2), NOW + 4)
        _, step = next_step(lane, settings, NOW + 4.9)
        assert step == Wait(NOW + 5)
        assert invoked(lane, settings, NOW + 5)[1] == ["1", "2"]

    def test_a_full_batch_does_not_wait(self) -> None:
        settings = replace(SETTINGS, batching_window=300.0)
        assert invoked(take(Lane(), records(4), NOW), settings)[1] == ["1", "2", "3", "4"]

    def test_a_batch_at_the_payload_limit_does_not_wait(self) -> None:
        settings = replace(SETTINGS, batching_window=300.0)
        large = [replace(record, data=bytes(PAYLOAD_LIMIT // 4)) for record in records(4)]
        _, batch = invoked(take(Lane(), large, NOW), settings)
        assert batch == ["1", "2"]  # base64 makes three bytes four

    def test_one_record_of_any_size_makes_a_batch(self) -> None:
        huge = replace(records(1)[0], data=bytes(PAYLOAD_LIMIT))
        assert invoked(take(Lane(), [huge], NOW), SETTINGS)[1] == ["1"]


class TestLanes:
    def test_records_of_one_partition_key_share_a_lane(self) -> None:
        assert len({lane_of("key", 10) for _ in range(5)}) == 1

    def test_all_lanes_are_used(self) -> None:
        assert {lane_of(f"key-{number}", 10) for number in range(200)} == set(range(10))

    def test_the_oldest_unfinished_record_is_the_checkpoint(self) -> None:
        lane = take(lane_with_batch(2), records(2, first=3), NOW)
        assert lane.oldest
        assert lane.oldest.sequence_number == "1"
        lane = settle(lane, SUCCESS, SETTINGS, NOW)
        assert lane.oldest
        assert lane.oldest.sequence_number == "3"


class TestPartialResponses:
    @pytest.mark.parametrize(
        "result", [{"batchItemFailures": []}, {"batchItemFailures": None}, {}, None]
    )
    def test_a_response_without_failures_is_a_success(self, result: object) -> None:
        assert settle(lane_with_batch(4), InvocationResult(result), SETTINGS, NOW).batches == ()

    def test_records_from_the_lowest_reported_failure_are_retried(self) -> None:
        lane = settle(lane_with_batch(4), failing("4", "2"), SETTINGS, NOW)
        assert numbers(lane.batches[0]) == ["2", "3", "4"]

    @pytest.mark.parametrize("identifier", ["", None, "no such record"])
    def test_an_unknown_identifier_fails_the_whole_batch(self, identifier: object) -> None:
        lane = settle(lane_with_batch(4), failing("3", identifier), SETTINGS, NOW)
        assert numbers(lane.batches[0]) == ["1", "2", "3", "4"]

    def test_a_misnamed_identifier_fails_the_whole_batch(self) -> None:
        answer = InvocationResult({"batchItemFailures": [{"sequenceNumber": "3"}]})
        lane = settle(lane_with_batch(4), answer, SETTINGS, NOW)
        assert numbers(lane.batches[0]) == ["1", "2", "3", "4"]

    def test_without_the_setting_reported_failures_are_ignored(self) -> None:
        settings = replace(SETTINGS, report_item_failures=False)
        assert settle(lane_with_batch(4), failing("2"), settings, NOW).batches == ()

    def test_progress_resets_the_retries_of_the_remaining_records(self) -> None:
        settings = replace(SETTINGS, maximum_retries=1)
        lane = settle(lane_with_batch(4), ERROR, settings, NOW)
        lane = settle(lane, failing("3"), settings, NOW)
        assert lane.batches[0].failures == 0


class TestRetries:
    def test_a_failed_batch_is_retried_with_growing_delays(self) -> None:
        lane = settle(lane_with_batch(2), ERROR, SETTINGS, NOW)
        _, first = next_step(lane, SETTINGS, NOW)
        later = settle(lane, ERROR, SETTINGS, NOW)
        _, second = next_step(later, SETTINGS, NOW)
        assert isinstance(first, Wait)
        assert isinstance(second, Wait)
        assert first.until and second.until  # noqa: PT018
        assert NOW < first.until < second.until
        assert invoked(later, SETTINGS, second.until)[1] == ["1", "2"]

    def test_the_delay_between_retries_is_at_most_half_a_minute(self) -> None:
        lane = lane_with_batch(1)
        for _ in range(50):
            lane = settle(lane, ERROR, SETTINGS, NOW)
        assert lane.not_before == NOW + 30

    @pytest.mark.parametrize("maximum", [0, 1, 3])
    def test_a_batch_is_discarded_when_its_retries_are_used_up(self, maximum: int) -> None:
        settings = replace(SETTINGS, maximum_retries=maximum)
        lane = lane_with_batch(2)
        for _ in range(maximum):
            lane = settle(lane, ERROR, settings, NOW)
            assert isinstance(next_step(lane, settings, NOW + 60)[1], Invoke)
        lane = settle(lane, ERROR, settings, NOW)
        _, step = next_step(lane, settings, NOW)
        assert isinstance(step, Discard)
        assert step.condition is Condition.RETRIES_EXHAUSTED
        assert step.batch.invocations == maximum + 1
        assert step.batch.last_answer == ERROR
        assert drop_first(lane).batches == ()

    def test_without_a_limit_a_batch_is_never_discarded(self) -> None:
        lane = lane_with_batch(1)
        for _ in range(100):
            lane = settle(lane, ERROR, SETTINGS, NOW)
        assert isinstance(next_step(lane, SETTINGS, NOW + 60)[1], Invoke)

    def test_throttling_does_not_use_up_retries(self) -> None:
        settings = replace(SETTINGS, maximum_retries=0)
        lane = lane_with_batch(2)
        for _ in range(10):
            lane = settle(lane, NotInvoked(), settings, NOW)
        assert isinstance(next_step(lane, settings, NOW)[1], Wait)
        assert isinstance(next_step(lane, settings, NOW + 60)[1], Invoke)
        assert lane.batches[0].invocations == 0


class TestClockSetBack:
    def test_a_retry_is_not_delayed(self) -> None:
        lane = settle(lane_with_batch(2), ERROR, SETTINGS, NOW)
        assert isinstance(next_step(lane, SETTINGS, NOW - 3600)[1], Invoke)

    def test_an_open_batching_window_is_not_extended(self) -> None:
        settings = replace(SETTINGS, batching_window=5.0)
        lane = take(Lane(), records(1), NOW)
        assert isinstance(next_step(lane, settings, NOW - 3600)[1], Invoke)


class TestBisecting:
    SETTINGS = replace(SETTINGS, bisect=True, maximum_retries=1)

    def test_a_failed_batch_is_split_in_two(self) -> None:
        lane = settle(lane_with_batch(5), ERROR, self.SETTINGS, NOW)
        assert [numbers(batch) for batch in lane.batches] == [["1", "2"], ["3", "4", "5"]]

    def test_splitting_does_not_use_up_retries(self) -> None:
        lane = settle(lane_with_batch(4), ERROR, self.SETTINGS, NOW)
        assert [batch.failures for batch in lane.batches] == [0, 0]

    @pytest.mark.parametrize("outcome", [ERROR, NotInvoked()], ids=["failed", "throttled"])
    def test_the_first_half_is_retried_before_the_second(
        self, outcome: InvocationResult | NotInvoked
    ) -> None:
        lane = settle(lane_with_batch(2), ERROR, self.SETTINGS, NOW)
        lane = settle(lane, outcome, self.SETTINGS, NOW)
        assert [numbers(batch) for batch in lane.batches] == [["1"], ["2"]]

    def test_a_batch_of_one_uses_up_retries(self) -> None:
        lane = settle(lane_with_batch(1), ERROR, self.SETTINGS, NOW)
        assert lane.batches[0].failures == 1

    def test_a_partial_response_splits_at_the_reported_record(self) -> None:
        lane = settle(lane_with_batch(4), failing("3"), self.SETTINGS, NOW)
        assert [numbers(batch) for batch in lane.batches] == [["3", "4"]]

    def test_a_reported_first_record_splits_the_batch_in_two(self) -> None:
        lane = settle(lane_with_batch(4), failing("1"), self.SETTINGS, NOW)
        assert [numbers(batch) for batch in lane.batches] == [["1", "2"], ["3", "4"]]


class TestRecordAge:
    SETTINGS = replace(SETTINGS, maximum_record_age=60.0)

    def test_expired_records_are_discarded_and_newer_ones_delivered(self) -> None:
        old, young = records(2, arrived_at=NOW - 61), records(2, first=3)
        lane, step = next_step(take(Lane(), old + young, NOW), self.SETTINGS, NOW)
        assert isinstance(step, Discard)
        assert (numbers(step.batch), step.condition) == (
            ["1", "2"],
            Condition.RECORD_AGE_EXCEEDED,
        )
        assert step.batch.last_answer is None
        assert invoked(drop_first(lane), self.SETTINGS)[1] == ["3", "4"]

    def test_a_batch_can_expire_between_retries(self) -> None:
        lane = lane_with_batch(2, self.SETTINGS)
        lane = settle(lane, NotInvoked(), self.SETTINGS, NOW)
        _, step = next_step(lane, self.SETTINGS, NOW + 61)
        assert isinstance(step, Discard)
        assert step.condition is Condition.RECORD_AGE_EXCEEDED


class TestSettings:
    def test_minus_one_means_unlimited(self) -> None:
        settings = MappingSettings.from_description(
            {
                "StartingPosition": "LATEST",
                "MaximumRetryAttempts": -1,
                "MaximumRecordAgeInSeconds": -1,
            }
        )
        assert (settings.maximum_retries, settings.maximum_record_age) == (None, None)

    def test_zero_means_no_retries(self) -> None:
        settings = MappingSettings.from_description(
            {"StartingPosition": "LATEST", "MaximumRetryAttempts": 0}
        )
        assert settings.maximum_retries == 0


@given(
    count=st.integers(1, 40),
    poison=st.sets(st.integers(1, 40)),
    batch_size=st.integers(1, 12),
    bisect=st.booleans(),
    partial=st.booleans(),
)
def test_every_record_is_processed_or_discarded_and_in_order(
    count: int, poison: set[int], batch_size: int, bisect: bool, partial: bool
) -> None:
    """After any failure, every record is kept, and healthy ones are processed first, in order."""
    settings = replace(
        SETTINGS,
        batch_size=batch_size,
        bisect=bisect,
        report_item_failures=partial,
        maximum_retries=2,
    )
    lane, now = take(Lane(), records(count), NOW), NOW
    processed: list[int] = []
    given_up: list[int] = []
    for _ in range(2000):
        lane, step = next_step(lane, settings, now)
        if isinstance(step, Wait):
            if step.until is None:
                break
            now = step.until
            continue
        batch = [record.order for record in step.batch.records]
        if isinstance(step, Discard):
            given_up += batch
            lane = drop_first(lane)
            continue
        bad = next((number for number in batch if number in poison), None)
        processed += [number for number in batch if bad is None or (partial and number < bad)]
        outcome = SUCCESS if bad is None else failing(str(bad)) if partial else ERROR
        lane = settle(lane, outcome, settings, now)
    else:
        pytest.fail("it does not come to an end")
    assert sorted(processed + given_up) == list(range(1, count + 1))
    assert processed == sorted(processed)
    if bisect:
        assert set(given_up) == poison & set(range(1, count + 1))
