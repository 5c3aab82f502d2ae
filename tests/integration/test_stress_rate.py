"""The rate function on moto: rates from summaries, sampled posts and labels in S3."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

import boto3
import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from cdk_app.constructs.querying.athena_tables import saved_queries
from cli import main
from cli.dashboard.rates import RecentRates, read_recent_rates
from cli.deployment import target as target_module
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.trend import read_trend
from lambdas.rate.handler import handler
from stresswatch.aws import stack_outputs
from stresswatch.contracts.sampling import SampleShares
from stresswatch.monitoring.label_table import LabelTable
from stresswatch.rates.cells import Period, Rate, RateMethod, week_of
from stresswatch.rates.estimation import LabelledDraw, estimate_rates
from stresswatch.rates.page import PAGE
from stresswatch.rates.rate_table import COLUMNS, PREFIX, read_rates
from tests.athena import Lake
from tests.integration.conftest import CONTEXT, IDENTITY_KEY
from tests.integration.drawn import SOURCES, archive_posts, drawn_posts, label_posts
from tests.integration.settling import settle_all
from tests.unit.rates.worlds import at, counted, days

TODAY = datetime.now(UTC).date()
MONDAY = week_of(TODAY) - timedelta(days=7)
"""In the last full week: none of its days is the running one."""
NEXT = MONDAY + timedelta(days=7)
EVENT = {"time": f"{NEXT}T00:00:00Z"}
SHARES = SampleShares(all_posts=0.5, uncertain=0.8)
EACH = 120


class Filled(NamedTuple):
    posts: list
    labelled: list


@pytest.fixture
def filled(aws):
    """A week whose sampled posts are mostly labelled, and its last day not at all."""
    posts = drawn_posts(IDENTITY_KEY, days(7, MONDAY), EACH, SHARES)
    archive_posts(aws.s3, "archive", posts)
    settle_all(aws.s3)
    drawn = [post for post in posts if post.is_drawn and post.day < NEXT - timedelta(days=1)]
    labelled = [post for place, post in enumerate(drawn) if place % 5]
    label_posts(aws.s3, "training", labelled)
    others = [post for post in posts if not post.is_drawn]
    label_posts(aws.s3, "training", others, "chosen by hand")
    LabelTable(aws.s3, "training", IDENTITY_KEY).fold()
    return Filled(posts, labelled)


def rates(aws, end=NEXT):
    return {rate.cell: rate for rate in read_rates(aws.s3, "archive", MONDAY, end)}


def of_whole_rows(filled):
    """Estimate from all rows, without summaries, Athena or files."""
    counts = {}
    for day in days(7, MONDAY):
        for version in ("v1", "v2"):
            for source in SOURCES:
                rows = [
                    post
                    for post in filled.posts
                    if (post.day, post.prediction.model_version, post.prediction.post.source)
                    == (day, version, source)
                ]
                if rows:
                    probabilities = np.array([post.prediction.probability for post in rows])
                    drawn = np.array([post.is_drawn for post in rows])
                    counts.setdefault(at(day), []).append(
                        counted(probabilities, source, version, drawn)
                    )
    draws = [
        LabelledDraw(
            at(post.day),
            post.prediction.post.source,
            post.prediction.post.post_id,
            post.label,
            post.prediction.probability,
            post.prediction.draw.inclusion_probability,
        )
        for post in filled.labelled
    ]
    spans = [*((Period.DAY, day) for day in days(7, MONDAY)), (Period.WEEK, MONDAY)]
    return {rate.cell: rate for rate in estimate_rates(counts, draws, spans, 20)}


def test_the_rates_equal_those_estimated_from_all_rows(aws, filled):
    handler(EVENT, CONTEXT)
    found, expected = rates(aws), of_whole_rows(filled)
    assert found.keys() == expected.keys()
    for cell, rate in found.items():
        for name, value in vars(expected[cell]).items():
            assert getattr(rate, name) == pytest.approx(value), (cell, name)
    week = found[Period.WEEK, MONDAY, None]
    assert week.method is RateMethod.PREDICTION_POWERED
    assert (week.posts, week.represented) == (7 * EACH, 6 * EACH)
    assert week.labelled == len(filled.labelled)
    assert week.model_versions == "v1,v2"


def test_labels_of_edited_texts_are_not_matched(aws, filled):
    label_posts(aws.s3, "training", filled.labelled, suffix=", edited")
    LabelTable(aws.s3, "training", IDENTITY_KEY).fold()
    assert handler(EVENT, CONTEXT)["labelled"] == 0
    assert rates(aws)[Period.WEEK, MONDAY, None].method is RateMethod.NOT_CORRECTED


def test_estimating_again_writes_the_same_bytes(aws, filled):
    def written():
        handler(EVENT, CONTEXT)
        keys = [*aws.keys("archive", PREFIX), PAGE]
        return {key: aws.body("archive", key) for key in keys}

    first = written()
    assert len(first) == 8
    assert written() == first


def test_measuring_an_earlier_span_keeps_full_days_and_weeks(aws, filled):
    handler(EVENT, CONTEXT)
    before = rates(aws)
    handler({"time": f"{MONDAY + timedelta(days=2)}T10:00:00Z"}, CONTEXT)
    assert rates(aws) == before


def test_a_late_label_changes_earlier_rates(aws, filled):
    handler(EVENT, CONTEXT)
    before = rates(aws)[Period.WEEK, MONDAY, None]
    label_posts(aws.s3, "training", [post for post in filled.posts if post.is_drawn], "late")
    LabelTable(aws.s3, "training", IDENTITY_KEY).fold()
    handler({"time": f"{NEXT + timedelta(days=3)}T00:00:00Z"}, CONTEXT)
    after = rates(aws)[Period.WEEK, MONDAY, None]
    assert after.labelled == after.drawn > before.labelled
    assert after.represented == 7 * EACH


def test_without_sampled_posts_athena_is_not_queried(aws, monkeypatch):
    posts = drawn_posts(IDENTITY_KEY, days(2, MONDAY), EACH, SampleShares(1e-9))
    archive_posts(aws.s3, "archive", posts)
    settle_all(aws.s3)
    monkeypatch.setattr("lambdas.rate.handler.labelled_draws", None)
    answer = handler(EVENT, CONTEXT)
    assert answer["prediction_powered"] == answer["labels_alone"] == 0
    assert answer["not_corrected"] > 0


def test_before_the_first_post_the_page_says_so(aws):
    answer = handler(EVENT, CONTEXT)
    assert (answer["status"], answer["last_seven_days"]) == ("no_posts", None)
    assert answer["last_day"] is None
    page = aws.body("archive", PAGE)
    assert b"There are no posts yet" in page
    assert re.search(rb"<p>stresswatch-dev, written at \d{4}-\d\d-\d\d \d\d:\d\d UTC</p>", page)
    assert aws.keys("archive", PREFIX) == []


def published(time):
    metrics = boto3.client("cloudwatch").list_metrics(Namespace="Stresswatch")["Metrics"]
    found = {}
    for metric in metrics:
        points = boto3.client("cloudwatch").get_metric_statistics(
            **metric,
            StartTime=time,
            EndTime=time + timedelta(minutes=1),
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
        community = {one["Name"]: one["Value"] for one in metric["Dimensions"]}.get("Community")
        found[metric["MetricName"], community] = points[0]["Average"]
    return found


def test_the_last_seven_full_days_are_published_at_the_runs_time(aws, filled):
    time = datetime.combine(NEXT, datetime.min.time(), UTC)
    answer = handler(EVENT, CONTEXT)["last_seven_days"]
    week, found = rates(aws), published(time)
    assert answer["corrected_rate"] == week[Period.WEEK, MONDAY, None].corrected_rate
    metrics = ("CorrectedRate", "CorrectedRateLowerBound", "CorrectedRateUpperBound", "CalledRate")
    communities = (None, "anxiety", "ptsd")
    assert found.keys() == {(metric, name) for metric in metrics for name in communities}
    for community in communities[1:]:
        rate = week[Period.WEEK, MONDAY, community]
        assert found["CorrectedRate", community] == pytest.approx(rate.corrected_rate)
        assert found["CorrectedRateLowerBound", community] == pytest.approx(rate.low)
        assert found["CorrectedRateUpperBound", community] == pytest.approx(rate.high)
        assert found["CalledRate", community] == pytest.approx(rate.called_rate)


def test_seven_days_with_a_suppressed_day_are_not_published(aws):
    """Six days are in the table: the total of all seven would reveal the suppressed one."""
    few, many = days(1, MONDAY + timedelta(days=6)), days(6, NEXT)
    for chosen, each in ((few, 12), (many, EACH)):
        archive_posts(aws.s3, "archive", drawn_posts(IDENTITY_KEY, chosen, each, SHARES))
    settle_all(aws.s3)
    end = datetime.combine(NEXT + timedelta(days=6), time(), UTC)
    answer = handler({"time": end.isoformat()}, CONTEXT)
    assert answer["last_seven_days"]["method"] == RateMethod.SUPPRESSED
    assert published(end) == {}


def test_labels_older_than_the_sample_are_ignored(aws):
    """Some posts were sent again, with their earlier labels."""
    posts = drawn_posts(IDENTITY_KEY, days(1, MONDAY), EACH, SHARES)
    archive_posts(aws.s3, "archive", posts)
    settle_all(aws.s3)
    drawn = [post for post in posts if post.is_drawn]
    earlier = [replace(post, day=post.day - timedelta(days=30)) for post in drawn[:40]]
    label_posts(aws.s3, "training", earlier)
    LabelTable(aws.s3, "training", IDENTITY_KEY).fold()
    handler(EVENT, CONTEXT)
    found = rates(aws)[Period.DAY, MONDAY, None]
    assert (found.method, found.represented) == (RateMethod.NOT_CORRECTED, 0)


def test_the_answer_includes_the_current_day(aws, filled):
    answer = handler({"time": f"{MONDAY}T10:00:00Z"}, CONTEXT)
    assert answer["last_seven_days"] is None
    day = rates(aws)[Period.DAY, MONDAY, None]
    assert day.corrected_rate is not None
    assert answer["last_day"] == asdict(day) | {"start": MONDAY.isoformat()}


def test_the_answer_fits_a_state_and_omits_posts(aws, filled):
    answer = json.dumps(handler(EVENT, CONTEXT))
    assert len(answer) < 2_000
    page = aws.body("archive", PAGE).decode()
    for text in (answer, page):
        assert not re.search(r"\d{4}-\d\d-\d\d-\d+|, post \d", text)


def test_the_saved_query_has_a_row_for_each_community_of_a_week(aws, filled, tmp_path):
    handler(EVENT, CONTEXT)
    (query,) = [one for one in saved_queries("dev") if one.name == "rate_by_week"]
    rows = Lake(aws.s3, tmp_path).query(query.sql).fetchall()
    week = [rate for rate in rates(aws).values() if rate.period is Period.WEEK]
    assert [row[:2] for row in rows] == [
        (MONDAY.isoformat(), source) for source in (None, "anxiety", "ptsd")
    ]
    assert [row[4] for row in rows] == [rate.corrected_rate for rate in week]


def test_the_table_has_the_fields_of_a_rate():
    assert [field.name for field in fields(Rate)] == [*COLUMNS]


def test_rows_without_degrees_of_freedom_have_no_estimate(aws, filled, tmp_path):
    """An earlier version wrote none."""
    handler(EVENT, CONTEXT)
    key, file = f"{PREFIX}date={MONDAY}/rates.parquet", str(tmp_path / "rates.parquet")
    (tmp_path / "now.parquet").write_bytes(aws.body("archive", key))
    duckdb.sql(f"SELECT * EXCLUDE degrees FROM '{tmp_path}/now.parquet'").write_parquet(file)
    aws.s3.put_object(Bucket="archive", Key=key, Body=(tmp_path / "rates.parquet").read_bytes())
    week = rates(aws)[Period.WEEK, MONDAY, None]
    assert week.corrected_rate is not None
    assert week.estimate is None


def test_the_command_reads_the_rates_that_the_function_wrote(aws, filled):
    handler(EVENT, CONTEXT)
    target = Target("dev", {stack_outputs.ARCHIVE_BUCKET: "archive"}, boto3.client)
    span = (MONDAY, NEXT - timedelta(days=1))
    found = read_trend(target, Period.DAY, "ptsd", span)
    assert [rate.start for rate in found.shown] == days(7, MONDAY)
    assert {rate.source for rate in found.every} == {"ptsd"}
    with pytest.raises(OperatorError, match=r"no posts of other .* anxiety, ptsd\."):
        read_trend(target, Period.DAY, "other", span)
    with pytest.raises(OperatorError, match="There is no stress rate by"):
        read_trend(target, Period.DAY, None, (NEXT, NEXT))
    with pytest.raises(OperatorError, match="There is no stress rate by week"):
        read_trend(target, Period.WEEK, None, (MONDAY + timedelta(days=1), NEXT))


def test_a_span_that_starts_within_a_week_includes_that_week(aws, filled, tmp_path, monkeypatch):
    handler(EVENT, CONTEXT)
    target = Target("dev", {stack_outputs.ARCHIVE_BUCKET: "archive"}, boto3.client)
    monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)
    monkeypatch.chdir(tmp_path)
    start = (MONDAY + timedelta(days=2)).isoformat()
    result = CliRunner().invoke(
        main.app, ["trend", "--from", start, "--json", "--csv", "rates.csv"]
    )
    (found,) = {rate["start"] for rate in json.loads(result.stdout)["rates"]}
    assert found == MONDAY.isoformat()
    assert f"begins with its Monday, {MONDAY}" in result.stderr
    for option in ("--csv", "--html"):
        result = CliRunner().invoke(main.app, ["trend", option, "rates.csv"])
        assert (result.exit_code, "exists already" in result.stderr) == (1, True)


def test_the_dashboard_reads_recent_rates_or_gives_the_reason(aws, filled):
    handler(EVENT, CONTEXT)
    target = Target("dev", {stack_outputs.ARCHIVE_BUCKET: "archive"}, boto3.client)
    missing = Target("dev", {stack_outputs.ARCHIVE_BUCKET: "missing"}, boto3.client)
    found = read_recent_rates(target, lambda: datetime.combine(NEXT, time(), UTC))
    assert found == RecentRates(read_rates(aws.s3, "archive", MONDAY, NEXT))
    assert "NoSuchBucket" in read_recent_rates(missing).unreadable
    assert "no output" in read_recent_rates(Target("dev", {}, boto3.client)).unreadable
