"""The cost of a stage: worked examples, and invariants at every load."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from cli import main
from cli.cost import stage_cost
from cli.cost.alternatives import alternatives, cheapest
from cli.cost.estimate import batch, bill, largest_batch, shards, total
from cli.cost.items import Load
from cli.cost.limits import limits
from cli.cost.measured import SHIPPED, LinearTime, Measured, shipped
from cli.cost.prices import PRICES
from cli.cost.report import CostReport
from cli.cost.template import Function, PricedStage
from cli.errors import OperatorError

MEASURED = Measured(
    origin="a day, a commit, a machine, posts",
    post_bytes=600,
    prediction_bytes=250,
    archived_bytes=100,
    settled_bytes=80,
    queried_bytes=50,
    part_bytes=1_000_000,
    predictor=LinearTime(0.05, 0.0001),
    settle=LinearTime(1, 1e-5),
    drift=LinearTime(2, 1e-5),
    plan_seconds=0.5,
    quality_seconds=3,
    rate_seconds=1,
    calls={"kinesis:PutRecords": 1, "s3:PutObject": 1},
    log_bytes=650,
    predictor_metrics=5,
    drift_metrics=10,
    quality_metrics=24,
    report_bytes=4_000_000,
    training_seconds=360,
    workflow_seconds=60,
    transitions=20,
    monitoring_transitions=9,
    part_transitions=1,
)
STAGE = PricedStage(
    name="example",
    is_on_demand=False,
    shards=2,
    posts_retention_hours=168,
    predictions_retention_hours=24,
    batch_size=500,
    batch_window_seconds=1,
    predictor=Function(2, 60, 10),
    pipeline="linear",
    plan=Function(0.5, 300, 5),
    settle=Function(2, 900, 5),
    drift=Function(2, 300, 5),
    quality=Function(2, 900, 5),
    rate=Function(2, 900, 5),
    compare=Function(2, 900, 5),
    window_hours=1,
    quality_every_hours=24,
    quality_window_hours=168,
    rate_days=28,
    sample_posts=10_000,
    settle_concurrency=10,
    raw_archive_days=30,
    queued_share=0,
    label_queue_days=0,
    retraining_every_hours=24,
    shadow_hours=0,
    probation_hours=0,
    workflow_gb=1,
    reserved_concurrency=55,
    alarms=20,
    dashboards=0,
    keys=2,
    secrets=1,
    log_retention_days=90,
)
ONE_A_SECOND = Load(86_400)

loads = st.floats(1e3, 1e9).map(Load)
stages = st.builds(
    replace,
    st.just(STAGE),
    is_on_demand=st.booleans(),
    shards=st.integers(1, 40),
    posts_retention_hours=st.sampled_from([24, 168]),
    predictions_retention_hours=st.sampled_from([24, 168]),
    batch_size=st.sampled_from([1, 100, 500, 10_000]),
    batch_window_seconds=st.sampled_from([0, 1, 30, 300]),
)


def test_the_bill_at_one_post_a_second_matches_a_hand_calculation():
    # Two shards: half a post a second each, so a batch has the first post and half another.
    # 2,592,000 posts a month are 1,728,000 batches of 0.05015 s, which wait for two calls.
    # An hour has 1,800 posts a shard in 1,200 objects, read in 3 s; a part takes ten more calls.
    # A plan lists 57,600 objects of a day in 58 pages, and reads 48 summaries.
    # The stress rate reads 1,680 summaries of 35 days, lists each day and writes an object.
    # A week has 604,800 posts, of which 30 MB are queried.
    by_hand = {
        "predictor, time": 1_728_000 * (0.05015 + 0.05) * 2 * 1.33334e-5,
        "predictor, invocations": 0.3456,
        "plan": 720 * (0.5 + 57.6 * 0.025 + 48 * 0.0025) * 0.5 * 1.33334e-5,
        "settle": 1_440 * (1.018 + 3 + 0.25) * 2 * 1.33334e-5,
        "drift monitor": 720 * (2.036 + 0.1) * 2 * 1.33334e-5,
        "live quality": 30 * (3 + 0.03024) * 2 * 1.33334e-5,
        "stress rate": 30 * (1 + 1_680 * 0.0025 + 70 * 0.025) * 2 * 1.33334e-5,
        "retraining's functions": 1_800 * 1.33334e-5,
        "two streams of 2 shards": 43.20,
        "kept beyond a day": 28.80,
        "records": 0.072576,
        "objects written": (1_728_000 + 1_440 * 3 + 720 * 3 + 30 * 35) * 5e-6,
        "objects listed, a thousand at a time": (1_728 * 25 + 1_440 * 24) * 5e-6,
        "objects read": (1_728_000 + 1_440 * 27 + 30 * 1_680) * 4e-7,
        "raw archive of 30 days": 0.2592 * 0.023,
        "settled archive of 12 months": (0.20736 + 1.44) * 12 * 0.023,
        "drift reports of 12 months": 0.79488,
        "metrics": (5 + 10 + 1 + 84 / 24) * 0.30,
        "alarms": 2.00,
        "dashboards": 0.00,
        "logs written": 0.864,
        "logs kept": 0.15552,
        "traces": 8.64,
        "keys": 2.00,
        "requests": (69_120 + 0.01 * (1_735_530 + 1_817_280)) * 3e-6,
        "secrets": 0.40,
        "reads": (2 * 720 / 2 + 30) * 5e-6,
        "transitions": (30 * 20 + 720 * 10) * 2.5e-5,
        "training": 0.345,
    }
    queried = 30 * 0.00003024 * 5
    lines = bill(ONE_A_SECOND, STAGE, MEASURED)
    found = {line.what: line.dollars for line in lines if line.service != "Athena"}
    assert found == pytest.approx(by_hand)
    (athena,) = (line.dollars for line in lines if line.service == "Athena")
    assert athena == pytest.approx(queried)
    assert total(lines) == pytest.approx(sum(by_hand.values()) + queried)


def test_on_demand_streams_are_billed_by_hour_and_rounded_kilobytes():
    lines = bill(ONE_A_SECOND, replace(STAGE, is_on_demand=True), MEASURED)
    gb = 2_592_000 * 2 * 1024 / 1024**3
    assert {line.what: line.dollars for line in lines if line.service == "Kinesis"} == (
        pytest.approx(
            {
                "two streams on demand": 57.60,
                "written": gb * 0.08,
                "read": gb * 0.04,
                "kept beyond a day": gb / 2 / 30 * 6 * 0.10,
            }
        )
    )


@pytest.mark.parametrize(
    ("posts_a_day", "post_bytes", "predictor", "expected"),
    [
        (1_000, 600, LinearTime(0.05, 0.0001), 2),  # the stage's own
        (1_000_000_000, 600, LinearTime(0.05, 0.0001), 35),  # 34,722 records a second
        (1_000_000_000, 2_000, LinearTime(0.05, 0.0001), 70),  # 69 MB a second
        (1_000_000_000, 600, LinearTime(0.05, 0.0007), 35),  # 0.45 s for 500: faster than a shard
        (1_000_000_000, 600, LinearTime(0.05, 0.0018), 70),  # 1 s for 500: half as fast
    ],
)
def test_the_shard_count_fits_peak_records_bytes_and_predictor_speed(
    posts_a_day, post_bytes, predictor, expected
):
    measured = replace(MEASURED, post_bytes=post_bytes, predictor=predictor)
    assert shards(Load(posts_a_day), STAGE, measured) == expected


def test_a_batch_fits_the_batch_size_setting_and_the_event_limit():
    many = Load(1e9)
    assert batch(many, replace(STAGE, batch_window_seconds=300), MEASURED) == 500
    large = replace(STAGE, batch_size=10_000)
    assert largest_batch(large, MEASURED) == 6_000_000 // 1_300
    assert largest_batch(large, replace(MEASURED, post_bytes=10_000_000)) == 1


@settings(max_examples=40)
@given(loads, stages)
def test_lines_are_never_negative_and_add_up_to_the_total(load, stage):
    lines = bill(load, stage, MEASURED)
    assert all(line.dollars >= 0 for line in lines)
    assert total(lines) == pytest.approx(
        sum(line.quantity * PRICES[line.price].dollars for line in lines)
    )
    report = CostReport(load, stage, MEASURED, 60).as_dict()
    assert report["dollars_a_month"] == total(lines)
    assert report["dollars_a_million_posts"] * load.posts / 1e6 == pytest.approx(total(lines))


@given(stages, st.floats(1e3, 1e9), st.floats(1.0, 100.0))
def test_more_posts_never_cost_less(stage, posts, factor):
    less, more = (total(bill(Load(each), stage, MEASURED)) for each in (posts, posts * factor))
    assert more >= less * (1 - 1e-12)


@settings(max_examples=25)
@given(loads, stages)
def test_the_cheapest_settings_cost_no_more_than_the_stages_own(load, stage):
    best = cheapest(load, stage, MEASURED, longest_wait=300)
    ours, theirs = (total(bill(load, each, MEASURED)) for each in (stage, best))
    assert theirs <= ours + 0.01
    assert cheapest(load, stage, MEASURED, longest_wait=5).batch_window_seconds <= 5


def test_a_slow_predictor_gets_batches_that_it_can_finish():
    slow = replace(MEASURED, predictor=LinearTime(0.05, 0.01))
    best = cheapest(Load(1e8), STAGE, slow, longest_wait=300)
    assert slow.predictor.at(largest_batch(best, slow)) <= 10


@given(loads, stages)
def test_each_limit_is_reached_exactly_at_its_stated_load(load, stage):
    found = limits(load, stage, MEASURED)
    places = [each.met_at or 1e15 for each in found]
    assert places == sorted(places)
    for limit in found:
        assert limit.used >= 0
        if limit.met_at and load.posts_a_day > limit.met_at:
            assert limit.is_met, limit
        if limit.met_at is None or load.posts_a_day < limit.met_at / 1.01:
            assert not limit.is_met, limit


def test_the_examples_first_limit_is_a_setting_of_the_stage():
    first = limits(ONE_A_SECOND, STAGE, MEASURED)[0]
    assert (first.what, first.most, first.is_quota) == ("predictor concurrency", 10, False)
    assert first.met_at == pytest.approx(10 * 1_000 * 86_400 / 3, rel=0.01)
    assert not first.is_met


def test_settle_time_is_bounded_by_one_shards_window():
    seconds = {limit.what: limit for limit in limits(Load(1e12), STAGE, MEASURED)}[
        "settle time, one shard"
    ]
    # At a third of the peak, an hour of a shard has 1,200,000 posts in batches of 334.
    assert seconds.used == pytest.approx(1 + 12 + 1_200_000 / 334.3 * 0.0025 + 0.25, rel=0.01)
    assert seconds.met_at is None


def test_query_time_covers_the_longer_of_live_quality_and_probation():
    month = replace(STAGE, probation_hours=720)
    week, longer = (
        next(x for x in limits(Load(1e6), stage, MEASURED) if x.what == "Athena query time")
        for stage in (STAGE, month)
    )
    assert week.used == pytest.approx(3 + 7e6 * 50 / 1e9)
    assert longer.used == pytest.approx(3 + 60e6 * 50 / 1e9)
    assert week.is_quota


def test_with_roomy_settings_the_first_limit_is_an_account_quota():
    roomy = replace(
        STAGE,
        predictor=Function(2, 60, 800),
        reserved_concurrency=845,
        plan=Function(1, 1e9, 5),
        drift=Function(1e6, 1e9, 5),
        quality=Function(2, 1e9, 5),
        rate=Function(2, 1e9, 5),
        quality_window_hours=1,
        settle_concurrency=40,
    )
    first = limits(Load(1e10), roomy, MEASURED)[0]
    assert (first.what, first.is_met) == ("Kinesis shards per account", True)
    assert first.used == 2 * 348
    assert first.is_quota


def test_without_reserved_concurrency_only_the_account_limit_applies():
    unreserved = replace(STAGE, predictor=Function(2, 60, None), reserved_concurrency=0)
    found = {each.what: each for each in limits(Load(1e9), unreserved, MEASURED)}
    assert "predictor concurrency" not in found
    account = found["Lambda concurrency per account"]
    assert (account.most, account.used) == (1000, 35)


def test_costs_of_always_on_servers_match_a_hand_calculation():
    ours, endpoint, container = alternatives(ONE_A_SECOND, STAGE, MEASURED)
    assert ours.dollars == pytest.approx(total(bill(ONE_A_SECOND, STAGE, MEASURED)))
    assert (endpoint.servers, container.servers) == (2, 2)
    assert endpoint.predicting == pytest.approx(2 * 720 * 0.115)
    assert container.predicting == pytest.approx(2 * 720 * (0.03238 + 2 * 0.00356))
    assert endpoint.rest == container.rest == ours.rest
    # 34,722 a second at the peak; an endpoint answers 2 / 0.0501 s of them, and is 70 % busy.
    _, endpoint, _ = alternatives(Load(1e9), STAGE, MEASURED)
    assert endpoint.servers == 1243


def test_each_price_has_a_unit_a_source_and_a_date():
    for name, price in PRICES.items():
        assert price.dollars > 0, name
        assert price.unit, name
        assert price.source, name
        assert price.seen >= "2023", name


def test_the_shipped_measurements_are_complete():
    measured = shipped()
    for name, value in vars(measured).items():
        if isinstance(value, int | float):
            assert value > 0, name
    assert measured.calls["s3:PutObject"] == 1
    assert measured.post_bytes > measured.archived_bytes
    assert set(json.loads(SHIPPED.read_text())) >= {"measured_at", "commit", "machine", "data"}


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setattr(stage_cost, "deployment", lambda stage: replace(STAGE, name=stage))
    monkeypatch.setattr(stage_cost, "shipped", lambda: MEASURED)

    def run(*arguments):
        return CliRunner().invoke(main.app, ["cost", *arguments], catch_exceptions=False)

    return run


@pytest.mark.parametrize("posts", ["1000", "1000000", "1000000000"])
def test_the_command_prints_tables_at_most_80_characters_wide(run, posts):
    result = run("--posts-per-day", posts)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    for word in ("Kinesis", "per million posts", "cheapest", "SageMaker endpoint", "Largest item"):
        assert word in result.stdout


def test_an_exceeded_limit_is_reported_with_the_setting_to_raise(run):
    shown = " ".join(run("--posts-per-day", "1000000000").stdout.split())
    assert "This load exceeds a limit: predictor concurrency (35 shards, at most 10)" in shown
    assert "raise predictor_concurrency" in shown
    assert "The first AWS quota reached is Athena query time, at" in shown


def test_json_has_the_source_of_every_price_and_of_the_measurements(run):
    report = json.loads(run("--posts-per-day", "1000000", "--json").stdout)
    assert report["dollars_a_month"] == pytest.approx(sum(x["dollars"] for x in report["lines"]))
    assert all(line["price"]["source"] and line["price"]["seen"] for line in report["lines"])
    assert report["measured"] == MEASURED.origin
    assert report["limits"][0]["met_at"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--posts-per-day", "999"),
        ("--posts-per-day", "1000000001"),
        ("--posts-per-day", "many"),
        ("--posts-per-day", "1000", "--peak", "0.5"),
        ("--posts-per-day", "1000", "--wait", "301"),
    ],
)
def test_invalid_options_are_rejected(run, arguments):
    assert run(*arguments).exit_code == 2


def test_an_unknown_stage_is_rejected_with_the_known_ones():
    result = CliRunner().invoke(main.app, ["cost", "--posts-per-day", "1000", "--stage", "none"])
    assert result.exit_code == 1
    assert "there is no stage 'none'; there are dev, staging, prod" in result.stderr


def test_the_tables_fit_a_terminal_of_80_characters(capsys):
    CostReport(ONE_A_SECOND, STAGE, MEASURED, 60).show(Console(width=80))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_slower_pipeline_costs_more():
    bills = []
    for pipeline in ("linear", "gradient-boosting", "sentence-embeddings"):
        bills.append(total(bill(Load(1e6), STAGE, MEASURED.scored_by(pipeline))))
    assert bills == sorted(set(bills))
    assert MEASURED.scored_by("linear") == MEASURED


def test_an_unmeasured_pipeline_is_rejected_with_the_command_to_run():
    with pytest.raises(OperatorError, match=r"pipeline mine.*benchmarks\.predictor --scorers"):
        MEASURED.scored_by("mine")


def test_a_full_batch_beyond_the_predictors_timeout_reaches_a_limit():
    slow = replace(MEASURED, predictor=LinearTime(0.05, 0.024))
    (met,) = (
        each
        for each in limits(Load(1e6), replace(STAGE, batch_size=10_000), slow)
        if each.what == "predictor time, full batch"
    )
    assert met.is_met
    assert met.remedy == "lower batch_size"
