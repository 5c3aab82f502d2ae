"""A probation on moto: a new champion that is worse is rolled back, and a good one stays."""

import gzip
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from lambdas.predictor.handler import handler as predict
from lambdas.predictor.handler import predictor
from lambdas.probation.handler import handler as probation
from lambdas.promote.handler import VersionBarred
from lambdas.promote.handler import handler as promote
from lambdas.shadow.handler import handler as shadow
from stresswatch.aws.redaction import UnforeseenError
from stresswatch.retraining.journal import Decision
from stresswatch.retraining.probation import judge_probation
from stresswatch.storage import archive
from stresswatch.storage.training_sets import given_by, to_lines
from stresswatch.versions.champion import (
    Pointer,
    ServedModel,
    read_changes,
    write_pointer,
)
from stresswatch.versions.model_files import DigestMismatch
from stresswatch.versions.shadow import read_shadow
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, train_version
from tests.integration.settling import settle_all
from tests.integration.test_predictor import event, payload

POSTS = make_posts(60, seed=9)
BATCH = event([payload(post) for post in POSTS])


@pytest.fixture(autouse=True)
def _reads_pointers_each_time(aws, cold_start, monkeypatch):
    monkeypatch.setenv("CHAMPION_TTL_SECONDS", "0")


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """v2 in both forms: much the same as v1, or trained on flipped labels."""
    folder = tmp_path_factory.mktemp("training")
    posts = make_posts(300, seed=2)
    flipped = [replace(post, label=1 - post.label) for post in posts]
    return {
        "good": train_version(folder / "good", posts, "v2", "v1"),
        "contrary": train_version(folder / "contrary", flipped, "v2", "v1"),
    }


@pytest.fixture(autouse=True)
def _settled(monkeypatch):
    """Archived rows are read before they settle."""
    monkeypatch.setattr("stresswatch.retraining.probation.SETTLES", timedelta(seconds=-5))


@pytest.fixture
def begin(aws, version_files, versions):
    """Replace v1 by v2, which v1 shadows from now on; return the probation's input."""

    def begin(quality="good"):
        previous = aws.promote("v1", version_files)
        aws.promote("v2", versions[quality])
        shadow({**asdict(previous), "seconds": 3600, "on_probation": "v2"}, CONTEXT)
        now = datetime.now(UTC).isoformat()
        common = {"version": "v2", "basis": "champion"}
        return {**common, "previous": asdict(previous), "start": now}

    return begin


def look(started, ends=timedelta(seconds=1)):
    """Judge a probation that ends by now, or in a while, once the archive is settled."""
    settle_all(boto3.client("s3"))
    return probation(started | {"end": (datetime.now(UTC) + ends).isoformat()}, CONTEXT)


def failed(answer):
    return [check["name"] for check in answer["checks"] if not check["passed"]]


def label(aws, posts):
    aws.put("training", "labels/a.jsonl", to_lines(given_by(posts, datetime.now(UTC))))


def changes(aws):
    return read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])


class TestGoodChampion:
    def test_it_stays_and_the_verdict_is_stored_with_its_files(self, aws, begin):
        started = begin()
        predict(BATCH, CONTEXT)
        label(aws, POSTS)
        answer = look(started)
        assert (answer["outcome"], answer["posts"], failed(answer)) == ("kept", 60, [])
        assert answer["checks"][-1]["applies"]
        assert aws.pointer().version == "v2"
        assert aws.journal.barred("v2") is None
        kept = json.loads(aws.body("models", "models/v2/probation.json"))
        assert kept == {name: answer[name] for name in ("posts", "accepted", "checks")}

    def test_it_stays_when_the_stream_is_empty(self, aws, begin):
        answer = look(begin())
        assert answer["outcome"] == "kept"
        assert all(not check["applies"] for check in answer["checks"])

    def test_an_unfinished_probation_schedules_the_next_evaluation(self, aws, begin):
        started = begin()
        begins = datetime.fromisoformat(started["start"])
        answer = look(started, ends=timedelta(hours=8))
        assert (answer["outcome"], answer["posts"]) == ("goes_on", 0)
        first = datetime.fromisoformat(answer["next"]) - begins
        assert first == pytest.approx(timedelta(hours=1, seconds=5), abs=timedelta(seconds=2))

    def test_predictions_before_the_probation_do_not_count(self, aws, begin):
        started, serving = begin(), aws.pointer()
        previous = Pointer(**started["previous"])
        write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], previous, "not yet")
        predict(BATCH, CONTEXT)  # by v1, as a batch that was read before the promotion
        for key in aws.keys("archive", archive.PREFIX):
            earlier = gzip.decompress(aws.body("archive", key)).decode()
            began = datetime.fromisoformat(started["start"]) - timedelta(seconds=30)
            rows = [json.loads(line) for line in earlier.splitlines()]
            lines = [json.dumps(row | {"predicted_at": began.isoformat()}) for row in rows]
            aws.put("archive", key, gzip.compress("\n".join(lines).encode()))
        predictor.cache_clear()
        write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], serving, "a promotion")
        assert look(started)["posts"] == 0


class TestWorseChampion:
    def test_a_champion_that_fails_on_posts_is_rolled_back(self, aws, begin, monkeypatch):
        started = begin()
        score = ServedModel.predict_records

        def fail(served, *arguments, **options):
            if served.pointer.version == "v2":
                raise ArithmeticError("cannot score")
            return score(served, *arguments, **options)

        monkeypatch.setattr(ServedModel, "predict_records", fail)
        with pytest.raises(UnforeseenError):
            predict(BATCH, CONTEXT)
        answer = look(started)
        assert failed(answer) == ["answered, live posts"]
        assert (answer["outcome"], answer["posts"]) == ("rolled_back", 60)
        assert aws.pointer().version == "v1"

    def test_a_champion_that_fails_to_load_is_rolled_back(self, aws, begin, version_files):
        aws.promote("v1", version_files)
        predict(event([payload(make_posts(1, seed=8)[0])]), CONTEXT)  # v1 is in memory
        started = begin()
        aws.put("models", "models/v2/model.npz", b"altered since")
        predict(event([payload(post) for post in POSTS], first=2), CONTEXT)
        assert failed(look(started)) == ["answered, live posts"]
        assert aws.pointer().version == "v1"

    def test_a_champion_that_contradicts_the_labels_is_rolled_back(self, aws, begin):
        started = begin("contrary")
        predict(BATCH, CONTEXT)
        label(aws, POSTS)
        answer = look(started)
        assert failed(answer) == [
            "agreement with previous champion, live posts",
            "Brier score, labelled live posts",
        ]
        assert (answer["outcome"], aws.pointer().version) == ("rolled_back", "v1")


class TestRollback:
    @pytest.fixture
    def started(self, begin):
        started = begin("contrary")
        predict(BATCH, CONTEXT)
        return started

    def test_the_reason_is_recorded_and_the_version_is_barred(self, aws, started):
        serving = aws.pointer()
        look(started)
        why = "agreement with previous champion, live posts: champion "
        assert changes(aws)[-1].because.startswith(f"rollback from v2 by its probation: {why}")
        bar = aws.journal.barred("v2")
        assert (bar.by, bar.why[: len(why)]) == ("its probation", why)
        with pytest.raises(VersionBarred):
            promote({"gate": {**asdict(serving), "parent": "v1"}}, CONTEXT)

    def test_the_previous_champion_stops_shadowing(self, aws, started):
        look(started)
        assert read_shadow(aws.ssm, ENVIRONMENT["SHADOW_PARAMETER"]).until <= datetime.now(UTC)

    def test_a_retry_gives_the_same_answer_and_changes_nothing(self, aws, started):
        assert look(started) == look(started)
        assert [change.pointer.version for change in changes(aws)] == ["v1", "v2", "v1"]

    def test_a_retry_completes_an_interrupted_rollback(self, aws, started, monkeypatch):
        def refuse(*_):
            raise RuntimeError("the function was killed")

        with monkeypatch.context() as patch:
            patch.setattr("lambdas.probation.handler.write_pointer", refuse)
            with pytest.raises(UnforeseenError):
                look(started)
        assert (aws.pointer().version, aws.journal.barred("v2").by) == ("v2", "its probation")
        assert look(started)["outcome"] == "rolled_back"
        assert aws.pointer().version == "v1"

    def test_an_altered_previous_champion_does_not_serve(self, aws, started):
        aws.put("models", "models/v1/model.npz", b"altered")
        with pytest.raises(DigestMismatch):
            look(started)
        assert aws.pointer().version == "v2"
        assert aws.journal.barred("v2") is None

    def test_an_earlier_rollback_by_an_operator_ends_the_probation(self, aws, started):
        aws.journal.bar("v2", Decision.now("ada", "complaints"))
        previous = Pointer(**started["previous"])
        write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], previous, "a rollback")
        before = changes(aws)
        assert look(started)["outcome"] == "overtaken"
        assert changes(aws) == before
        assert aws.journal.barred("v2").by == "ada"
        assert read_shadow(aws.ssm, ENVIRONMENT["SHADOW_PARAMETER"]).until <= datetime.now(UTC)

    def test_a_concurrent_rollback_is_not_undone(self, aws, started, monkeypatch):
        other = Pointer("v0", "s3://models/models/v0/", "0" * 64)

        def overtaken(*arguments):
            write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], other, "a rollback")
            return judge_probation(*arguments)

        monkeypatch.setattr("lambdas.probation.handler.judge_probation", overtaken)
        assert look(started)["outcome"] == "overtaken"
        assert aws.pointer() == other
        assert aws.journal.barred("v2") is None
