"""The predictor keeps its promises under a slice of the schedules, and a breach is detected."""

import io
from dataclasses import replace
from itertools import count

import pytest

from cdk_app.settings.stages import STAGES
from local.event_source_mapping.batching import drop_first
from local.event_source_mapping.checkpoints import END
from local.event_source_mapping.shard_progress import Progress
from stresswatch.contracts.predictions import Prediction, Record
from stresswatch.model.artefact import Artefact
from stresswatch.settled import settle, sources
from stresswatch.storage import archive, quarantine
from stresswatch.streaming.put_records import Position
from verification.faults import deliveries, simulation
from verification.faults.in_process import quiet
from verification.faults.runner import run
from verification.faults.schedule import CALL_FAULTS, EVENT_FAULTS, FAULTS, LONG, Event, Schedule
from verification.faults.settling import SlowWrites
from verification.faults.stores import Buckets

RECORDS = 150
STORM = Schedule(
    seed=8,
    records=600,
    storm_seconds=90.0,
    rates={fault: 0.02 if fault in LONG else 0.05 for fault in CALL_FAULTS}
    | {"PutRecords partly refused": 0.3, "function timed out": 0.004},
    events=tuple(Event(2.0 * place, fault) for place, fault in enumerate(EVENT_FAULTS * 3)),
    shards=3,
    environments=3,
    batch_size=5,
    batching_window=0.0,
    lanes=1,
)

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.mark.parametrize("seed", range(1, 13))
def test_nothing_is_lost_or_wrong_after_any_combination_of_faults(seed):
    outcome = run(Schedule.draw(seed, RECORDS)).outcome
    assert outcome.violations == ()
    assert outcome.lost == 0
    assert outcome.records == RECORDS


def test_the_predictor_survives_a_storm_of_every_fault():
    played = run(STORM)
    assert played.outcome.violations == ()
    assert set(played.injected) | {"function timed out"} == {*FAULTS}
    assert played.outcome.shadowed > 0


def test_function_timeouts_lose_no_records():
    played = run(replace(STORM, rates={"function timed out": 0.05}))
    assert played.outcome.violations == ()
    assert played.injected["function timed out"] > 0


@pytest.mark.parametrize("service", ["PutRecords", "S3", "SSM"])
def test_no_record_is_discarded_in_an_outage_of_minutes(service):
    played = run(outage_of(service))
    assert played.outcome.violations == ()
    assert played.outcome.given_up == 0
    assert played.injected[f"{service} refused"] > 0


@pytest.mark.parametrize("limit", [{"retries": 5}, {"record_age": 60.0}])
def test_discarded_records_are_complete_in_the_failure_destination(limit):
    outcome = run(replace(outage_of("S3"), **limit)).outcome
    assert outcome.violations == ()
    assert outcome.given_up > 0


def outage_of(service):
    return replace(STORM, rates={}, events=(Event(0.0, f"{service} outage"),))


def test_challenger_faults_cause_no_redelivery():
    events = ("challenger corrupt", "challenger shadows") * 2
    storm = tuple(Event(20.0 * place, fault) for place, fault in enumerate(events))
    outcome = run(replace(STORM, rates={}, events=storm)).outcome
    assert outcome.violations == ()
    assert (outcome.deliveries, outcome.archived_again, outcome.streamed_again) == (600, 0, 0)
    assert 0 < outcome.shadowed < 600


def test_the_simulated_mapping_has_the_templates_retry_limits():
    """The simulation's defaults are the template's; a stage may be more patient, never less."""
    assert STORM.retries is None
    assert (
        min(stage.streaming.maximum_record_age_seconds for stage in STAGES.values())
        == STORM.record_age
    )


def test_a_seed_reproduces_its_storm():
    assert run(STORM) == run(STORM)


def test_the_seeds_of_a_long_run_draw_every_fault():
    schedules = [Schedule.draw(seed, RECORDS) for seed in range(1, 201)]
    drawn = {fault for one in schedules for fault in one.rates}
    drawn |= {event.fault for one in schedules for event in one.events}
    assert drawn == {*CALL_FAULTS, *EVENT_FAULTS}


def archives_nothing(patch):
    patch(archive, "write", lambda *_: None)


def overwrites_the_archive(patch):
    put = Buckets.put_object

    def by_its_records(key):
        if not key.endswith(".gz"):
            return key
        place, arrived, _, _ = key.rsplit("-", 3)
        return f"{place}-{arrived}-{arrived}-0.jsonl.gz"

    patch(
        Buckets,
        "put_object",
        lambda self, *, Key, **rest: put(self, Key=by_its_records(Key), **rest),  # noqa: N803
    )


def reports_no_refused_prediction(patch):
    put = simulation.predictor_module.put_records

    def pretend(*arguments, **options):
        return [Position("s", "1") for _ in put(*arguments, **options)]

    patch(simulation.predictor_module, "put_records", pretend)


def names_predictions_anew(patch):
    names = count()
    patch(Record, "prediction_id", property(lambda _: f"{next(names)}"))


def quarantines_anew(patch):
    key, names = quarantine.key, count()
    patch(quarantine, "key", lambda rejection: f"{key(rejection)}-{next(names)}")


def lets_the_batch_weigh_in(patch):
    score = Artefact.score_normalised

    def slip(self, texts, numbers):
        scores = score(self, texts, numbers)
        return scores._replace(probability=scores.probability * (1 - 1e-12 * len(texts)))

    patch(Artefact, "score_normalised", slip)


def archives_the_text(patch):
    line = Prediction.archive_line

    def with_text(self):
        return line(self._replace(post=self.post._replace(source=self.post.text)))

    patch(Prediction, "archive_line", with_text)


def archives_the_challenger_beside_the_champion(patch):
    patch(simulation.predictor_module, "ARCHIVE_PREFIX", archive.PREFIX)


def forgets_a_failed_batch(patch):
    patch(deliveries, "settle", lambda lane, *_: drop_first(lane))


def checkpoints_what_is_not_done(patch):
    patch(Progress, "checkpoint", property(lambda self: END if self.is_read else self.read_up_to))


def settles_earlier_deliveries_again(patch):
    patch(settle, "reach", lambda _, start: start)
    patch(sources, "reach", lambda _, start: start)


def settles_over_what_is_newer(patch):
    put = Buckets.put_object
    conditions = {"IfMatch": None, "IfNoneMatch": None}
    patch(Buckets, "put_object", lambda self, **rest: put(self, **rest | conditions))


def says_first_that_it_is_settled(patch):
    make = SlowWrites.make

    def last_first(self, writes=None):
        self.waiting.sort(key=lambda request: not request["Key"].endswith(".json"))
        return make(self, writes)

    patch(SlowWrites, "make", last_first)


def violations():
    """Yield the violations under storms of several seeds, as not each seed injects the fault."""
    for seed in range(1, 13):
        yield from run(replace(STORM, seed=seed)).outcome.violations


@pytest.mark.parametrize(
    ("breach", "sentence"),
    [
        (archives_nothing, "records are lost"),
        (overwrites_the_archive, "does not return the earliest row"),
        (names_predictions_anew, "a prediction of no valid record"),
        (quarantines_anew, "in quarantine other than sent"),
        (lets_the_batch_weigh_in, "an archived value is not its version's"),
        (archives_the_text, "text is in the archive"),
        (archives_the_challenger_beside_the_champion, "the challenger is heard of elsewhere"),
        (forgets_a_failed_batch, "records are lost"),
        (checkpoints_what_is_not_done, "records are lost"),
    ],
)
def test_a_broken_promise_is_detected(monkeypatch, breach, sentence):
    breach(monkeypatch.setattr)
    assert any(sentence in one for one in violations())


@pytest.mark.parametrize(
    "breach",
    [
        settles_earlier_deliveries_again,
        settles_over_what_is_newer,
        says_first_that_it_is_settled,
    ],
)
def test_a_breach_in_settled_parts_is_detected(monkeypatch, breach):
    breach(monkeypatch.setattr)
    assert "the settled archive differs" in violations()


def test_unreported_failed_predictions_are_detected(monkeypatch):
    reports_no_refused_prediction(monkeypatch.setattr)
    throttled = replace(STORM, rates={"PutRecords partly refused": 0.3}, events=())
    assert any("records are lost" in sentence for sentence in run(throttled).outcome.violations)


def test_a_logger_with_a_closed_stream_is_silenced(monkeypatch):
    """As when the module was first imported while another test's output was captured."""
    closed = io.StringIO()
    closed.close()
    for log in simulation.predictor_module.logger.handlers:
        monkeypatch.setattr(log, "stream", closed)
    with quiet() as written:
        simulation.predictor_module.logger.warning("read it")
        written.seek(0)
        assert "read it" in written.read()
    assert all(log.stream is closed for log in simulation.predictor_module.logger.handlers)
