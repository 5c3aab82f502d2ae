"""The rules of the event source mapping, with a mutation and the test that must detect it."""

from __future__ import annotations

from typing import NamedTuple


class Breach(NamedTuple):
    """A rule, its mutation, and the test that must detect it."""

    rule: str
    module: str
    line: str
    broken: str
    test: str


BREACHES = (
    Breach(
        "records are delivered in the order of the shard",
        "batching",
        "batch = Batch(lane.read[:fitting])",
        "batch = Batch(lane.read[:fitting][::-1])",
        "test_records_are_delivered_in_order_in_batches_of_the_set_size",
    ),
    Breach(
        "a batch has at most so many records",
        "batching",
        "candidates = lane.read[: settings.batch_size]",
        "candidates = lane.read[: settings.batch_size + 1]",
        "test_records_are_delivered_in_order_in_batches_of_the_set_size",
    ),
    Breach(
        "a batch fits a payload of 6 MB",
        "batching",
        "sum(size <= PAYLOAD_LIMIT for size in sizes)",
        "sum(size <= 2 * PAYLOAD_LIMIT for size in sizes)",
        "test_a_batch_at_the_payload_limit_does_not_wait",
    ),
    Breach(
        "a batch that is not full waits for its window",
        "batching",
        "closes = lane.read_since + settings.batching_window",
        "closes = lane.read_since",
        "test_an_incomplete_batch_waits_for_the_window_to_close",
    ),
    Breach(
        "the window opens with the first record",
        "batching",
        "since = lane.read_since if lane.read else now",
        "since = now",
        "test_an_incomplete_batch_waits_for_the_window_to_close",
    ),
    Breach(
        "a shard is worked through in so many lanes",
        "batching",
        "return zlib.crc32(partition_key.encode()) % lanes",
        "return zlib.crc32(partition_key.encode()) % 1",
        "test_all_lanes_are_used",
    ),
    Breach(
        "records of a partition key keep their order",
        "shard_progress",
        "of_lane[lane_of(record.partition_key, len(self.lanes))]",
        "of_lane[record.order % len(self.lanes)]",
        "test_records_of_one_key_stay_in_order_in_one_lane",
    ),
    Breach(
        "delivery goes on from the lowest reported record",
        "batching",
        'return min(places[failure["itemIdentifier"]]',
        'return max(places[failure["itemIdentifier"]]',
        "test_records_from_the_lowest_reported_failure_are_retried",
    ),
    Breach(
        "a report that names no record fails the batch",
        "batching",
        "fails the whole batch.\n        return 0",
        "fails the whole batch.\n        return None",
        "test_an_unknown_identifier_fails_the_whole_batch",
    ),
    Breach(
        "a report is read where the mapping says so",
        "batching",
        "if not settings.report_item_failures:",
        "if False:",
        "test_without_the_setting_reported_failures_are_ignored",
    ),
    Breach(
        "progress gives the rest its retries back",
        "batching",
        "records=batch.records[failed:], failures=0)",
        "records=batch.records[failed:])",
        "test_progress_resets_the_retries_of_the_remaining_records",
    ),
    Breach(
        "a batch that fails is bisected",
        "batching",
        "if settings.bisect and len(batch.records) > 1:",
        "if False:",
        "test_a_failed_batch_is_split_in_two",
    ),
    Breach(
        "bisecting uses up no retry",
        "batching",
        "records=batch.records[middle:], failures=0)",
        "records=batch.records[middle:], failures=1)",
        "test_splitting_does_not_use_up_retries",
    ),
    Breach(
        "after bisecting the first part stays first",
        "batching",
        "return replace(lane, batches=(*halves, *later), not_before=now + _delay(1))",
        "return replace(lane, batches=(*halves[::-1], *later), not_before=now + _delay(1))",
        "test_the_first_half_is_retried_before_the_second",
    ),
    Breach(
        "a batch has so many retries, and no fewer",
        "batching",
        "batch.failures > settings.maximum_retries",
        "batch.failures >= settings.maximum_retries",
        "test_a_batch_is_discarded_when_its_retries_are_used_up",
    ),
    Breach(
        "a batch has so many retries, and no more",
        "batching",
        "batch.failures > settings.maximum_retries",
        "batch.failures > settings.maximum_retries + 1",
        "test_a_batch_is_discarded_when_its_retries_are_used_up",
    ),
    Breach(
        "throttling uses up no retry",
        "batching",
        "refused = replace(batch, refusals=batch.refusals + 1)",
        "refused = replace(batch, refusals=batch.refusals + 1, failures=batch.failures + 1)",
        "test_throttling_does_not_use_up_retries",
    ),
    Breach(
        "a limit of -1 is none",
        "batching",
        "return None if value == -1 else int(value)",
        "return int(value)",
        "test_minus_one_means_unlimited",
    ),
    Breach(
        "records that are too old are discarded",
        "batching",
        "sum(record.arrived_at < oldest_allowed for record in batch.records)",
        "0",
        "test_expired_records_are_discarded_and_newer_ones_delivered",
    ),
    Breach(
        "records that are not too old go on",
        "batching",
        "expired = sum(record.arrived_at < oldest_allowed for record in batch.records)",
        "expired = len(batch.records)",
        "test_expired_records_are_discarded_and_newer_ones_delivered",
    ),
    Breach(
        "the failure destination has the whole batch",
        "invocation",
        "kinesis_event(batch.records, source)",
        "kinesis_event(batch.records[:1], source)",
        "test_the_failure_record_has_the_documented_shape_and_the_event",
    ),
    Breach(
        "a restart begins with the first record that is not done",
        "shard_progress",
        "return Position.at(oldest.sequence_number)",
        "return Position.after(oldest.sequence_number)",
        "test_a_restart_rereads_unfinished_records",
    ),
    Breach(
        "the checkpoint waits for the slowest lane",
        "shard_progress",
        "oldest = min(pending,",
        "oldest = max(pending,",
        "test_the_checkpoint_waits_for_the_slowest_lane",
    ),
    Breach(
        "a checkpoint survives a restart",
        "checkpoints",
        "if path.exists():",
        "if False:",
        "test_after_a_restart_a_shard_is_read_from_its_checkpoint",
    ),
    Breach(
        "a shard is finished when everything of it is done",
        "shard_progress",
        "pending = [lane.oldest for lane in self.lanes if lane.oldest]",
        "pending = []",
        "test_a_shard_ends_once_all_its_records_are_read_and_finished",
    ),
    Breach(
        "children of a shard wait for it",
        "shards",
        "if not all(_is_finished(parent, checkpoints) for parent in parents):",
        "if False:",
        "test_children_wait_for_their_parent",
    ),
    Breach(
        "a merged shard waits for both",
        "shards",
        "if not all(_is_finished(parent, checkpoints) for parent in parents):",
        "if not any(_is_finished(parent, checkpoints) for parent in parents):",
        "test_a_merged_shard_waits_for_both_parents",
    ),
    Breach(
        "children of a shard are read from their beginning",
        "shards",
        "position = TRIM_HORIZON if parents or is_begun else first",
        "position = first",
        "test_children_of_a_finished_parent_are_read_from_their_trim_horizon",
    ),
)
