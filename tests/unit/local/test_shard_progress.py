"""Progress within a shard, and the position after a restart."""

from local.event_source_mapping.batching import (
    Invoke,
    Lane,
    MappingSettings,
    ShardRecord,
    drop_first,
    next_step,
)
from local.event_source_mapping.checkpoints import END, TRIM_HORIZON, ShardPosition
from local.event_source_mapping.shard_progress import Progress

NOW = 1_800_000_000.0
SETTINGS = MappingSettings(batch_size=2, starting_position="TRIM_HORIZON")


def records(*numbers: int, keys: int = 7) -> list[ShardRecord]:
    return [ShardRecord(str(number), f"key-{number % keys}", b"data", NOW) for number in numbers]


def begun(lanes: int = 1) -> Progress:
    return Progress.begin(TRIM_HORIZON, lanes)


def form_batch(progress: Progress, place: int) -> Progress:
    lane, step = next_step(progress.lanes[place], SETTINGS, NOW)
    assert isinstance(step, Invoke)
    return progress.with_lane(place, lane)


def finish_batch(progress: Progress, place: int) -> Progress:
    progress = form_batch(progress, place)
    return progress.with_lane(place, drop_first(progress.lanes[place]))


def test_before_the_first_read_the_checkpoint_is_the_start() -> None:
    assert begun().checkpoint == TRIM_HORIZON


def test_a_restart_rereads_unfinished_records() -> None:
    assert begun().read(records(1, 2, 3), False, NOW).checkpoint == ShardPosition.at("1")


def test_a_batch_in_flight_is_unfinished() -> None:
    progress = form_batch(begun().read(records(1, 2, 3), False, NOW), 0)
    assert progress.checkpoint == ShardPosition.at("1")


def test_the_checkpoint_follows_finished_batches() -> None:
    progress = finish_batch(begun().read(records(1, 2, 3), False, NOW), 0)
    assert progress.checkpoint == ShardPosition.at("3")
    assert finish_batch(progress, 0).checkpoint == ShardPosition.after("3")


def test_the_checkpoint_waits_for_the_slowest_lane() -> None:
    # Sequence numbers are compared as numbers: "100" comes after "99".
    ahead, behind = Lane(read=tuple(records(100))), Lane(read=tuple(records(99)))
    for lanes in ((ahead, behind), (behind, ahead)):
        assert Progress(lanes, ShardPosition.after("100")).checkpoint == ShardPosition.at("99")


def test_records_of_one_key_stay_in_order_in_one_lane() -> None:
    progress = begun(lanes=3).read(records(*range(1, 50)), False, NOW)
    assert progress.waiting == 49
    for key in range(7):
        (orders,) = [
            found
            for lane in progress.lanes
            if (found := [one.order for one in lane.read if one.partition_key == f"key-{key}"])
        ]
        assert orders == [number for number in range(1, 50) if number % 7 == key]


def test_a_shard_ends_once_all_its_records_are_read_and_finished() -> None:
    progress = begun().read(records(1, 2), True, NOW)
    assert progress.checkpoint == ShardPosition.at("1")
    assert finish_batch(progress, 0).checkpoint == END
