"""Reads, writes and removals during a removal: others' records stay, and the person's all go."""

import itertools
import re
from types import SimpleNamespace

import pytest

from cli.errors import OperatorError
from cli.parallel import WORKERS, in_parallel
from stresswatch.aws import stack_outputs
from tests.integration.forget.kept import OTHERS, THEIRS, counted, fill, holding, line, post


def test_concurrent_readers_always_see_other_peoples_predictions(kept):
    for first in range(0, 40, 4):
        kept.archive(*[OTHERS] * 3, THEIRS, first=str(first))
    seen = []

    def look(request):
        seen.append(kept.archived().count(OTHERS))

    for operation in ("PutObject", "DeleteObject"):
        kept.before(operation, look)
    kept.forget()
    look(None)
    assert seen == [30] * 11
    assert kept.archived().count(THEIRS) == 0


@pytest.mark.parametrize("done", [0, 1, 5])
def test_forgetting_can_be_stopped_at_any_write_and_repeated(kept, done):
    fill(kept)
    others = len(holding(kept, OTHERS))
    writes, is_stopping = itertools.count(), True

    def stop(request):
        if is_stopping and next(writes) >= done:
            raise KeyboardInterrupt

    for operation in ("PutObject", "DeleteObject"):
        kept.before(operation, stop)
    with pytest.raises(KeyboardInterrupt):
        kept.forget()
    assert sum(counted(kept.shown).values()) == done
    is_stopping = False
    kept.forget()
    assert holding(kept, THEIRS) == []
    assert len(holding(kept, OTHERS)) == others


@pytest.mark.parametrize("before", [0, 1])
def test_records_written_during_a_removal_are_removed_too(kept, before):
    """An object that arrives after its prefix was listed, and that a single pass would miss."""
    kept.put("archive", "backfills/last/part-00000.jsonl.gz", line(OTHERS))
    if before:
        fill(kept)
    late = iter([True])

    def write_late(request):
        if request["Key"].startswith("backfills/last") and next(late, False):
            kept.quarantine(post(), "99")
            kept.archive(THEIRS, first="99")

    kept.before("GetObject", write_late)
    shown = kept.forget()
    assert holding(kept, THEIRS) == []
    assert counted(shown)["quarantine"] == before + 1
    assert re.search(r"Everything written before 20\S+ \S+ UTC was searched\.", shown)


def test_continuously_arriving_posts_are_an_error_with_advice(kept):
    numbers = iter(range(100, 200))
    kept.before("GetObject", lambda request: kept.archive(THEIRS, first=str(next(numbers))))
    kept.archive(THEIRS)
    with pytest.raises(OperatorError, match="stop the producer of these posts"):
        kept.forget()


def test_a_file_replaced_during_a_removal_keeps_others_new_records(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS))
    newer = iter([line(OTHERS) + line(THEIRS)])

    def replace(request):
        if "IfMatch" in request and (body := next(newer, None)):
            kept.put("training", "labels/1.jsonl", body)

    kept.before("PutObject", replace)
    kept.forget()
    assert [one["post_id"] for one in kept.lines("labels/1.jsonl")] == [OTHERS]


def test_a_file_deleted_during_a_removal_is_not_restored(kept):
    kept.put("training", "labels/1.jsonl", line(THEIRS) + line(OTHERS))

    def delete(request):
        kept.s3.delete_object(Bucket=kept.buckets["training"], Key="labels/1.jsonl")

    kept.before("PutObject", delete)
    kept.forget()
    assert kept.keys("training") == []


def test_concurrent_removals_do_not_restore_each_others_records(kept):
    kept.archive("a", "b", "c")
    others_turn = iter([True])

    def forget_the_other(request):
        if next(others_turn, False):
            kept.forget("b")

    kept.before("PutObject", forget_the_other)
    kept.forget("a")
    assert kept.archived() == ["c"]


@pytest.mark.parametrize(
    ("workflow", "named"),
    [
        (stack_outputs.RETRAINING_STATE_MACHINE, "A retraining runs"),
        (stack_outputs.MONITORING_STATE_MACHINE, "The archive is being settled"),
    ],
)
def test_a_running_workflow_is_named_with_advice_to_repeat(kept, workflow, named):
    kept.target.outputs[workflow] = "the running one"

    def executions(stateMachineArn, **_):  # noqa: N803 - boto3's
        return {"executions": [{"status": "RUNNING"}] * (stateMachineArn == "the running one")}

    kept.clients["stepfunctions"] = SimpleNamespace(list_executions=executions)
    told = kept.forget(execute=False)
    assert named in told
    assert told.count("run this again after it ends") == 1


def test_the_backlog_is_bounded_for_any_bucket_size(kept):
    done, most = set(), 0

    def listed():
        nonlocal most
        for number in range(500):
            most = max(most, number - len(done))
            yield [number]

    assert sum(in_parallel(lambda versions: done.add(versions[0]) or True, listed())) == 500
    assert most <= 4 * WORKERS
