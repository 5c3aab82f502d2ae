"""Which shards are read, from where, and when."""

from pathlib import Path

import pytest

from local.event_source_mapping.checkpoints import END, TRIM_HORIZON, Checkpoints, ShardPosition
from local.event_source_mapping.shards import Shard, shards_to_start

LATEST = ShardPosition("AT_TIMESTAMP", timestamp=1_800_000_000.0)
PARENT, CHILD, OTHER_CHILD = (
    Shard("parent"),
    Shard("child", ("parent",)),
    Shard("other", ("parent",)),
)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "mapping.json")


def test_initial_shards_are_read_from_the_starting_position(
    checkpoints: Checkpoints,
) -> None:
    shards = [Shard("one"), Shard("two")]
    chosen = shards_to_start(shards, set(), checkpoints, LATEST)
    assert chosen == {"one": LATEST, "two": LATEST}


def test_a_shard_that_is_being_read_is_not_started_again(checkpoints: Checkpoints) -> None:
    assert shards_to_start([PARENT], {"parent"}, checkpoints, LATEST) == {}


def test_children_wait_for_their_parent(checkpoints: Checkpoints) -> None:
    checkpoints.save("parent", ShardPosition.after("9"))
    assert shards_to_start([PARENT, CHILD], {"parent"}, checkpoints, LATEST) == {}


def test_children_of_a_finished_parent_are_read_from_their_trim_horizon(
    checkpoints: Checkpoints,
) -> None:
    checkpoints.save("parent", END)
    chosen = shards_to_start([PARENT, CHILD, OTHER_CHILD], {"parent"}, checkpoints, LATEST)
    assert chosen == {"child": TRIM_HORIZON, "other": TRIM_HORIZON}


def test_children_of_an_expired_parent_are_read_from_their_trim_horizon(
    checkpoints: Checkpoints,
) -> None:
    checkpoints.save("parent", END)
    chosen = shards_to_start([CHILD], {"parent"}, checkpoints, LATEST)
    assert chosen == {"child": TRIM_HORIZON}


def test_a_merged_shard_waits_for_both_parents(checkpoints: Checkpoints) -> None:
    merged = Shard("merged", ("left", "right"))
    checkpoints.save("left", END)
    shards = [Shard("left"), Shard("right"), merged]
    assert shards_to_start(shards, {"left", "right"}, checkpoints, LATEST) == {}
    checkpoints.save("right", END)
    assert shards_to_start(shards, {"left", "right"}, checkpoints, LATEST) == {
        "merged": TRIM_HORIZON
    }


def test_children_are_read_even_when_the_mapping_starts_after_the_split(
    checkpoints: Checkpoints,
) -> None:
    assert shards_to_start([CHILD, OTHER_CHILD], set(), checkpoints, LATEST) == {
        "child": LATEST,
        "other": LATEST,
    }


def test_after_a_restart_a_shard_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    Checkpoints(path).save("one", ShardPosition.at("5"))
    restarted = Checkpoints(path)
    assert shards_to_start([Shard("one")], set(), restarted, LATEST) == {
        "one": ShardPosition.at("5")
    }


def test_after_a_restart_a_finished_shard_stays_finished(tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    Checkpoints(path).save("parent", END)
    assert shards_to_start([PARENT], set(), Checkpoints(path), LATEST) == {}


def test_after_a_restart_a_new_shard_is_read_from_its_trim_horizon(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mapping.json"
    Checkpoints(path).save("one", ShardPosition.after("5"))
    chosen = shards_to_start([Shard("one"), Shard("two")], set(), Checkpoints(path), LATEST)
    assert chosen["two"] == TRIM_HORIZON
