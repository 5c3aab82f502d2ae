"""The functions of the retraining workflow on moto, in the workflow's order."""

import io
import json
import random
import tarfile
from dataclasses import replace
from datetime import datetime

import boto3
import pytest

from lambdas.admission.handler import handler as admission
from lambdas.approval.handler import handler as approval
from lambdas.dataset.handler import EmptyDataSet, NoBaseHoldout
from lambdas.dataset.handler import handler as dataset
from lambdas.gate.handler import handler as gate
from lambdas.promote.handler import ChampionMoved, VersionBarred
from lambdas.promote.handler import handler as promote
from stresswatch.contracts.posts import post_record
from stresswatch.retraining.journal import Decision, Journal
from stresswatch.storage.training_sources import SOURCES_FILE, Sources
from stresswatch.versions.champion import DigestMismatch, read_changes
from stresswatch.versions.model_version import VERSION_FILES, InvalidModelVersion, sha256
from tests.conftest import make_posts
from tests.integration.conftest import CONTEXT, ENVIRONMENT, train_version

BY_SCHEDULE = {"trigger": "schedule", "reason": "rate(1 day)"}
DRIFT_ALARM = {"trigger": "drift_alarm", "reason": "0.6 is over the threshold"}


def lines(posts, **fields):
    records = [post_record(post.post) | {"label": post.label} | fields for post in posts]
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.fixture
def base(aws):
    aws.put("training", "datasets/base/posts.jsonl", lines(make_posts(300)))


def deliver(aws, files):
    """Store what SageMaker would deliver for a training job."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    aws.put("training", "training-output/job/output/model.tar.gz", buffer.getvalue())


def gate_event(dataset_answer, version):
    return {
        "version": version,
        "dataset_uri": dataset_answer["dataset_uri"],
        "training": {
            "ModelArtifacts": {
                "S3ModelArtifacts": "s3://training/training-output/job/output/model.tar.gz"
            },
            "BillableTimeInSeconds": 90,
        },
    }


class Executions:
    """Executions of a state machine, which run until they are stopped."""

    def __init__(self):
        self._states = boto3.client("stepfunctions")
        self._machine = self._states.create_state_machine(
            name="retraining",
            roleArn="arn:aws:iam::123456789012:role/retraining",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        )["stateMachineArn"]

    def start(self, name="first", *, anyway=False):
        """Give what the workflow's first state sends."""
        started = self._states.start_execution(stateMachineArn=self._machine, name=name)
        return {"execution": started["executionArn"], "request": {"anyway": anyway}}

    def stop(self, event):
        self._states.stop_execution(executionArn=event["execution"])


@pytest.fixture
def executions(aws):
    return Executions()


def label(aws, name, posts):
    labelled_at = f"2026-11-23T00:00:00.{ord(name):06}Z"
    aws.put("training", f"labels/{name}.jsonl", lines(posts, labelled_at=labelled_at))


def sources_of(aws, answer):
    folder = answer["dataset_uri"].removeprefix("s3://training/")
    return Sources.from_bytes(aws.body("training", f"{folder}{SOURCES_FILE}"))


def judge(aws, version):
    aws.put("models", f"models/{version}/verdict.json", b"{}")


def counted(capsys, metric):
    """The values of a metric in the log, as CloudWatch would read them."""
    return values(capsys.readouterr().out, metric)


def values(log, metric):
    logged = [json.loads(line) for line in log.splitlines() if line]
    return [value for entry in logged for value in entry.get(metric, [])]


class TestAdmission:
    def test_the_first_retraining_may_begin(self, aws, executions):
        assert admission(executions.start(), CONTEXT) == {"admitted": True, "reason": ""}

    def test_one_runs_at_a_time(self, aws, executions):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        assert admission(second, CONTEXT) == {
            "admitted": False,
            "reason": "first is still retraining",
        }

    def test_a_retried_admission_answers_the_same(self, aws, executions):
        first = executions.start()
        assert admission(first, CONTEXT) == admission(first, CONTEXT)

    def test_after_a_training_no_other_begins_until_the_cool_down_is_over(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        refused = admission(executions.start("second"), CONTEXT)
        assert not refused["admitted"]
        assert "the next may begin 60 minutes later" in refused["reason"]

    def test_a_stopped_execution_leaves_no_lease_behind(self, aws, executions, monkeypatch):
        monkeypatch.setenv("COOL_DOWN_MINUTES", "0")
        first = executions.start("first")
        admission(first, CONTEXT)
        executions.stop(first)
        assert admission(executions.start("second"), CONTEXT)["admitted"]

    def test_who_insists_need_not_wait_but_runs_alone_all_the_same(self, aws, executions):
        first = executions.start("first")
        admission(first, CONTEXT)
        second = executions.start("second", anyway=True)
        assert not admission(second, CONTEXT)["admitted"]
        executions.stop(first)
        assert admission(second, CONTEXT)["admitted"]

    def test_of_two_at_the_same_moment_one_begins(self, aws, executions, monkeypatch):
        """The other takes the lease between this one's look at it and its own attempt."""
        first, second = executions.start("first"), executions.start("second")
        look = Journal.lease_holder

        def overtaken(journal):
            holder = look(journal)
            if holder is None:
                journal.take_lease(second["execution"], after=None)
            return holder

        monkeypatch.setattr(Journal, "lease_holder", overtaken)
        assert admission(first, CONTEXT)["reason"] == "second is still retraining"
        assert admission(second, CONTEXT)["admitted"]

    def test_what_was_suppressed_is_counted(self, aws, executions, capsys):
        first, second = executions.start("first"), executions.start("second")
        admission(first, CONTEXT)
        admission(second, CONTEXT)
        assert counted(capsys, "RetrainingsSuppressed") == [0, 1]


class TestDataset:
    def test_base_and_labels_make_one_training_set(self, aws, base):
        fresh = make_posts(30, seed=2)
        aws.put("training", "labels/a.jsonl", lines(fresh, labelled_at="2026-11-23T00:00:00Z"))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["posts"], answer["base_posts"], answer["labelled_posts"]) == (330, 300, 30)
        key = answer["dataset_uri"].removeprefix("s3://training/") + "posts.jsonl"
        assert sha256(aws.body("training", key)) == answer["dataset_sha256"]

    def test_what_the_set_is_made_of_stands_beside_it(self, aws, base):
        aws.put("training", "datasets/base/another.jsonl", lines(make_posts(40, seed=3)) + b"{\n")
        aws.put("training", "datasets/base/nothing new.jsonl", lines(make_posts(20, seed=3)))
        corrected = [replace(post, label=1 - post.label) for post in make_posts(300)[:7]]
        label(aws, "a", [*make_posts(30, seed=2), *corrected])
        answer = dataset(DRIFT_ALARM, CONTEXT)
        made = sources_of(aws, answer)
        assert {name: one.posts for name, one in made.base.items()} == {
            "another": 20,
            "nothing new": 20,
            "posts": 293,
        }
        assert (made.labels, made.invalid, made.counts.posts) == (37, 1, 370)
        assert all(datetime.fromisoformat(one.uploaded_at).tzinfo for one in made.base.values())

    def test_what_is_recorded_of_a_set_holds_no_id_and_no_text(self, aws):
        posts = [
            replace(one, post=one.post._replace(post_id=f"the-id-{number}", text=f"word {number}"))
            for number, one in enumerate(make_posts(300))
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(posts))
        folder = dataset(DRIFT_ALARM, CONTEXT)["dataset_uri"].removeprefix("s3://training/")
        recorded = aws.body("training", f"{folder}{SOURCES_FILE}")
        assert b"the-id" not in recorded
        assert b"word" not in recorded

    def test_the_parent_is_the_champion_and_nothing_before_the_first(
        self, aws, base, version_files
    ):
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == ""
        aws.promote("v1", version_files)
        assert dataset(DRIFT_ALARM, CONTEXT)["parent"] == "v1"

    def test_earlier_training_sets_are_not_read_as_data(self, aws, base):
        first = dataset(DRIFT_ALARM, CONTEXT)
        second = dataset(DRIFT_ALARM, CONTEXT)
        assert first["dataset_sha256"] == second["dataset_sha256"]

    def test_without_enough_labels_since_the_last_verdict_a_retraining_is_declined(
        self, aws, base, capsys
    ):
        label(aws, "a", make_posts(30, seed=2))
        first = dataset(DRIFT_ALARM, CONTEXT)
        judge(aws, first["version"])
        before = aws.keys("training", "datasets/v")
        label(aws, "b", make_posts(19, seed=4))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert answer["new_labels"] == 19
        assert f"19 labels are new since {first['version']} was judged" in answer["declined"]
        assert aws.keys("training", "datasets/v") == before
        assert counted(capsys, "RetrainingsDeclined") == [0, 1]

    def test_with_enough_new_labels_it_goes_on(self, aws, base):
        label(aws, "a", make_posts(30, seed=2))
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        label(aws, "b", make_posts(20, seed=4))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["new_labels"], answer["declined"]) == (20, None)

    def test_a_label_that_was_corrected_is_new_and_one_given_again_is_not(self, aws, base):
        posts = make_posts(30, seed=2)
        label(aws, "a", posts)
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        label(aws, "b", posts[:10])
        label(aws, "c", [replace(post, label=1 - post.label) for post in posts[10:17]])
        assert dataset(DRIFT_ALARM, CONTEXT)["new_labels"] == 7

    def test_a_version_that_was_never_judged_taught_nobody(self, aws, base):
        label(aws, "a", make_posts(30, seed=2))
        dataset(DRIFT_ALARM, CONTEXT)
        assert dataset(DRIFT_ALARM, CONTEXT)["new_labels"] == 30

    def test_who_insists_needs_no_new_label(self, aws, base):
        judge(aws, dataset(DRIFT_ALARM, CONTEXT)["version"])
        assert dataset(DRIFT_ALARM, CONTEXT)["declined"]
        assert dataset(DRIFT_ALARM | {"anyway": True}, CONTEXT)["dataset_uri"]

    def test_labels_that_leave_nothing_to_judge_by_are_an_error_before_a_training(self, aws, base):
        label(aws, "a", [replace(post, label=1 - post.label) for post in make_posts(300)])
        with pytest.raises(NoBaseHoldout, match="upload more base data with `stresswatch seed`"):
            dataset(DRIFT_ALARM, CONTEXT)
        assert aws.keys("training", "datasets/v") == []

    def test_what_should_be_looked_at_is_counted(self, aws, base, capsys):
        posts = make_posts(300)
        flipped = [replace(post, label=1 - post.label) for post in posts[:2]]
        aws.put("training", "datasets/base/again.jsonl", lines(flipped))
        unsure = lines(make_posts(3, seed=2), labelled_at="2026-11-23T00:00:00Z", confidence=0)
        ahead = lines(make_posts(4, seed=3), labelled_at="2999-01-01T00:00:00Z")
        aws.put("training", "labels/a.jsonl", unsure + ahead)
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["posts"], answer["invalid"]) == (303, 4)
        assert answer["contradictory_posts"] == 2
        assert answer["future_labels"] == 4
        assert answer["unweighted_posts"] == 3
        logged = capsys.readouterr().out
        assert values(logged, "ContradictoryPosts") == [2]
        assert values(logged, "FutureLabels") == [4]

    def test_a_label_that_was_given_back_is_new_and_leaves_the_base_data_standing(self, aws, base):
        posts = make_posts(300)
        label(aws, "a", [replace(post, label=1 - post.label) for post in posts[:25]])
        first = dataset(DRIFT_ALARM, CONTEXT)
        assert (first["base_posts"], first["labelled_posts"]) == (275, 25)
        judge(aws, first["version"])
        label(aws, "b", posts[:25])
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["base_posts"], answer["labelled_posts"]) == (300, 0)
        assert (answer["new_labels"], answer["declined"]) == (25, None)

    def test_copies_on_both_sides_of_the_split_leave_nothing_to_judge_by(self, aws):
        # Of ten ids of one text, one is learned from in all but ten of a hundred million cases.
        copies = [
            replace(post, post=post.post._replace(post_id=f"{post.post.post_id}-{copy}"))
            for post in make_posts(20)
            for copy in range(10)
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(copies))
        with pytest.raises(NoBaseHoldout, match="text also stands under an id"):
            dataset(DRIFT_ALARM, CONTEXT)

    def test_labels_that_repeat_the_base_data_leave_it_standing(self, aws, base):
        label(aws, "a", make_posts(300))
        answer = dataset(DRIFT_ALARM, CONTEXT)
        assert (answer["base_posts"], answer["labelled_posts"]) == (300, 0)

    def test_no_posts_at_all_is_an_error_that_says_what_to_do(self, aws):
        aws.put("training", "labels/a.jsonl", b"{\n")
        with pytest.raises(EmptyDataSet, match="1 invalid lines; upload a base data set"):
            dataset(DRIFT_ALARM, CONTEXT)

    def test_a_schedule_before_anything_was_seeded_is_declined(self, aws):
        answer = dataset(BY_SCHEDULE, CONTEXT)
        assert answer["posts"] == 0
        assert "`stresswatch seed`" in answer["declined"]
        assert not aws.keys("training")

    @pytest.mark.parametrize("request_", [DRIFT_ALARM, BY_SCHEDULE | {"anyway": True}])
    def test_whoever_else_asks_before_the_first_seed_gets_an_error(self, aws, request_):
        with pytest.raises(EmptyDataSet, match="0 invalid lines"):
            dataset(request_, CONTEXT)

    def test_a_schedule_that_finds_posts_gone_is_an_error(self, aws):
        aws.put("models", "models/v1/verdict.json", b"{}")
        with pytest.raises(EmptyDataSet):
            dataset(BY_SCHEDULE, CONTEXT)

    def test_a_schedule_that_finds_invalid_posts_alone_is_an_error(self, aws):
        aws.put("training", "labels/a.jsonl", b"{\n")
        with pytest.raises(EmptyDataSet):
            dataset(BY_SCHEDULE, CONTEXT)


class TestGate:
    def test_a_first_model_is_published_and_accepted(self, aws, base, version_files):
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert answer["accepted"]
        assert answer["uri"] == "s3://models/models/v1/"
        assert answer["sha256"] == sha256(version_files["model.npz"])
        published = {key.removeprefix("models/v1/") for key in aws.keys("models")}
        assert published == {*VERSION_FILES, "verdict.json"}
        assert json.dumps(answer)

    def test_a_model_of_random_labels_of_texts_under_two_ids_is_not_promoted(self, aws, tmp_path):
        chance = random.Random(1)
        guessed = [replace(post, label=chance.randint(0, 1)) for post in make_posts(600)]
        posts = [
            replace(post, post=post.post._replace(post_id=f"{post.post.post_id}-{copy}"))
            for post in guessed
            for copy in ("a", "b")
        ]
        aws.put("training", "datasets/base/posts.jsonl", lines(posts))
        files = train_version(tmp_path, posts, "v1")
        deliver(aws, files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert not answer["accepted"]
        metrics = json.loads(files["evaluation.json"])["overall"]
        assert metrics["posts"] > 20
        assert metrics["roc_auc"] < 0.75

    def test_the_verdict_stands_beside_the_version(self, aws, base, version_files):
        deliver(aws, version_files)
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        verdict = json.loads(aws.body("models", "models/v1/verdict.json"))
        assert verdict == {name: answer[name] for name in ("accepted", "checks", "parent")}

    def test_a_verdict_is_counted_once_with_what_the_training_costs(
        self, aws, base, version_files, capsys
    ):
        deliver(aws, version_files)
        event = gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1")
        capsys.readouterr()
        gate(event, CONTEXT)
        gate(event, CONTEXT)  # a retry
        logged = capsys.readouterr().out
        assert values(logged, "ChallengersAccepted") == [1.0]
        assert values(logged, "ChallengersRejected") == [0.0]
        assert values(logged, "TrainingSeconds") == [90.0]

    def test_drift_is_compared_with_the_training_set_of_the_champion(
        self, aws, base, version_files, tmp_path
    ):
        aws.promote("v1", version_files)
        aws.put("training", "datasets/v1/posts.jsonl", lines(make_posts(300)))
        labels = lines(make_posts(400, seed=5), labelled_at="2026-11-23T00:00:00Z")
        aws.put("training", "labels/a.jsonl", labels)
        deliver(aws, train_version(tmp_path, make_posts(300), "v2", "v1"))
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        (gain,) = [one for one in answer["checks"] if one["name"] == "gain on fresh posts"]
        assert 0 < gain["challenger"] < 0.3
        assert 0 < gain["champion"] < 0.3

    def test_a_challenger_is_judged_against_the_champion(self, aws, base, version_files, tmp_path):
        aws.promote("v1", version_files)
        poisoned = [replace(post, label=1 - post.label) for post in make_posts(300, seed=3)]
        deliver(aws, train_version(tmp_path, poisoned, "v2", "v1"))
        answer = gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v2"), CONTEXT)
        assert not answer["accepted"]
        assert any(check["champion"] is not None for check in answer["checks"])
        assert answer["parent"] == "v1"

    def test_a_retried_gate_finds_its_own_files_and_answers_the_same(
        self, aws, base, version_files
    ):
        deliver(aws, version_files)
        event = gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1")
        assert gate(event, CONTEXT) == gate(event, CONTEXT)

    def test_a_version_is_never_overwritten(self, aws, base, version_files, tmp_path):
        aws.publish("v1", train_version(tmp_path, make_posts(100, seed=8)))
        before = aws.body("models", "models/v1/model.npz")
        deliver(aws, version_files)
        with pytest.raises(InvalidModelVersion, match="exists and differs"):
            gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v1"), CONTEXT)
        assert aws.body("models", "models/v1/model.npz") == before

    def test_an_archive_of_another_version_is_refused(self, aws, base, version_files):
        deliver(aws, version_files)
        with pytest.raises(InvalidModelVersion, match="delivered v1, not v9"):
            gate(gate_event(dataset(DRIFT_ALARM, CONTEXT), "v9"), CONTEXT)
        assert aws.keys("models") == []


class TestApproval:
    def test_what_waits_for_a_word_is_in_the_journal_until_its_time_is_over(self, aws, monkeypatch):
        event = {"version": "v2", "execution": "arn:execution", "token": "token"}
        approval(event, CONTEXT)
        pending = aws.journal.approval("v2")
        assert (pending.execution, pending.token) == ("arn:execution", "token")
        monkeypatch.setenv("APPROVAL_HOURS", "0")
        approval(event, CONTEXT)
        assert aws.journal.approval("v2") is None


class TestPromote:
    def test_before_the_first_promotion_there_is_no_champion_and_no_history(self, aws):
        assert aws.pointer() is None
        assert read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"]) == []

    def event(self, pointer, parent):
        return {"gate": {**vars(pointer), "parent": parent}}

    def test_the_pointer_moves_to_the_challenger(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        assert promote(self.event(pointer, ""), CONTEXT) == {"version": "v1", "before": ""}
        assert aws.pointer() == pointer

    def test_the_parameters_history_says_why(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        word = {"approved": True, "by": "arn:aws:iam::1:user/ada", "why": "it looks fine"}
        promote(self.event(pointer, "") | {"approval": word}, CONTEXT)
        assert read_changes(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"])[-1].because == (
            "promotion: the gate accepted it, arn:aws:iam::1:user/ada approved it: it looks fine"
        )

    def test_a_version_that_was_rolled_back_is_not_promoted_by_a_late_retry(
        self, aws, version_files
    ):
        pointer = aws.publish("v1", version_files)
        aws.journal.bar("v1", Decision.now("ada", "it is worse"))
        with pytest.raises(VersionBarred, match=r"v1 was rolled back at .* by ada"):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() is None

    def test_a_retried_promotion_changes_nothing(self, aws, version_files):
        pointer = aws.publish("v1", version_files)
        promote(self.event(pointer, ""), CONTEXT)
        promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() == pointer

    def test_two_first_promotions_at_once_let_the_first_of_them_serve(
        self, aws, version_files, monkeypatch
    ):
        serving = aws.promote("v2", version_files)
        pointer = aws.publish("v1", version_files)
        # It looked before the other one was promoted.
        monkeypatch.setattr("lambdas.promote.handler.read_pointer", lambda *_: None)
        with pytest.raises(ChampionMoved, match="judged against no champion, but another version"):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() == serving

    def test_a_first_promotion_finds_what_a_lost_answer_wrote(
        self, aws, version_files, monkeypatch
    ):
        pointer = aws.promote("v1", version_files)
        monkeypatch.setattr("lambdas.promote.handler.read_pointer", lambda *_: None)
        assert promote(self.event(pointer, ""), CONTEXT) == {"version": "v1", "before": ""}

    def test_a_verdict_about_another_champion_promotes_nothing(self, aws, version_files):
        serving = aws.promote("v2", version_files)
        pointer = aws.publish("v1", version_files)
        with pytest.raises(ChampionMoved, match="judged against v0, but v2 serves"):
            promote(self.event(pointer, "v0"), CONTEXT)
        assert aws.pointer() == serving

    def test_a_model_file_that_was_altered_since_the_verdict_is_not_promoted(
        self, aws, version_files
    ):
        pointer = aws.publish("v1", version_files)
        aws.put("models", "models/v1/model.npz", b"altered")
        with pytest.raises(DigestMismatch):
            promote(self.event(pointer, ""), CONTEXT)
        assert aws.pointer() is None
