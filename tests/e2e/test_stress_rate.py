"""The stress rate on the local stack: from samples and labels to the table, page and trend."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest

from stresswatch.aws import stack_outputs
from stresswatch.aws.athena import Athena
from stresswatch.aws.s3 import Location, read
from stresswatch.contracts.sampling import SampleShares
from stresswatch.evaluation.labelled_sample import Sample
from stresswatch.evaluation.prediction_powered import estimate_rate
from stresswatch.rates.cells import Period, week_of
from stresswatch.rates.page import PAGE
from stresswatch.rates.rate_table import PREFIX, TABLE, read_rates
from stresswatch.storage.training_sets import LABELS_PREFIX
from tests.e2e.deployed import Deployed
from tests.e2e.monitoring_roles import settle_hours
from tests.e2e.shell import Shell
from tests.integration.drawn import Drawn, archive_posts, drawn_posts, label_posts

MONDAY = week_of(datetime.now(UTC).date()) - timedelta(weeks=2)
"""Earlier than any other test's window."""
DAYS = [MONDAY, MONDAY + timedelta(days=1)]
NAME = "stress-rate"


@pytest.fixture(scope="module")
def posts(deployed: Deployed, retraining: dict[str, Any]) -> Iterator[list[Drawn]]:
    """Posts of two days that were sampled and labelled, after the workflow has run."""
    outputs, s3 = deployed.stack.outputs, deployed.client("s3")
    archived = outputs[stack_outputs.ARCHIVE_BUCKET]
    training = outputs[stack_outputs.TRAINING_BUCKET]
    made = drawn_posts(identity_key(deployed), DAYS, 150, SampleShares(0.6))
    archive_posts(s3, archived, made)
    settle_hours(deployed, DAYS)
    label_posts(s3, training, [post for post in made if post.is_drawn], NAME)
    now = datetime.now(UTC)
    deployed.deployment.measure(now - timedelta(hours=1), now)
    yield made
    s3.delete_object(Bucket=training, Key=f"{LABELS_PREFIX}{NAME}.jsonl")
    for key in deployed.objects(archived):
        if any(f"date={day}/" in key for day in DAYS):
            s3.delete_object(Bucket=archived, Key=key)


def identity_key(deployed: Deployed) -> bytes:
    """Return the key with which the stack's functions tell texts apart."""
    secrets = deployed.client("secretsmanager")
    name = deployed.named("IdentityKey", "AWS::SecretsManager::Secret")
    return str(secrets.get_secret_value(SecretId=name)["SecretString"]).encode()


def test_the_estimated_rate_is_that_of_all_labelled_draws(
    deployed: Deployed, posts: list[Drawn]
) -> None:
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    found = read_rates(deployed.client("s3"), bucket, MONDAY, MONDAY + timedelta(days=1))
    week = {rate.cell: rate for rate in found}[Period.WEEK, MONDAY, None]
    drawn = [post for post in posts if post.is_drawn]
    assert week.posts == len(posts)
    assert week.labelled == len(drawn)
    # The stack's key is random, and so is the draw: one interval of twenty misses the true rate.
    estimate = estimate_rate(
        fmean(post.prediction.probability for post in posts),
        Sample(
            labels=np.array([float(post.label) for post in drawn]),
            predictions=np.array([post.prediction.probability for post in drawn]),
            inclusion=np.array([post.prediction.draw.inclusion_probability for post in drawn]),
            clusters=np.array([post.prediction.post.post_id for post in drawn]),
        ),
    )
    assert estimate is not None
    assert (week.corrected_rate, week.low, week.high) == pytest.approx(
        (estimate.rate, estimate.low, estimate.high), abs=1e-9
    )


def test_the_stress_rate_table_can_be_queried_in_athena(
    deployed: Deployed, posts: list[Drawn]
) -> None:
    outputs = deployed.stack.outputs
    workgroup = deployed.named("QueryingFunctionsWorkgroup", "AWS::Athena::WorkGroup")
    athena = Athena(deployed.client("athena"), workgroup, outputs[stack_outputs.QUERY_DATABASE])
    sql = f"SELECT source, posts, method FROM {TABLE} WHERE \"date\" = ? AND period = 'week'"
    rows = {row["source"]: row for row in athena.query(sql, [MONDAY.isoformat()])}
    assert rows[None]["posts"] == len(posts)
    assert rows[None]["method"] == "prediction_powered"
    assert rows.keys() == {None, "anxiety", "ptsd"}


def test_the_stress_rate_page_is_stored_with_the_drift_reports(
    deployed: Deployed, posts: list[Drawn]
) -> None:
    bucket = deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    said = read(deployed.client("s3"), Location(bucket, PAGE)).decode()
    assert f"<td>{MONDAY}</td><td>{len(posts)}</td>" in said
    assert deployed.objects(bucket, PREFIX)


def test_the_trend_command_prints_and_exports_the_stress_rate(
    deployed: Deployed, shell: Shell, posts: list[Drawn], tmp_path: Path
) -> None:
    span = f"--from {MONDAY} --to {DAYS[1]}"
    table, as_json, _ = shell.type(
        [
            f"stresswatch trend {span}",
            f"stresswatch trend {span} --by day --source ptsd --json",
            f"stresswatch trend {span} --csv rates.csv --html rate.html",
        ],
        tmp_path,
    )
    assert "Stress rate by week, all communities" in table
    assert {rate["source"] for rate in json.loads(as_json)["rates"]} == {"ptsd"}
    rows = csv.DictReader((tmp_path / "rates.csv").read_text().splitlines())
    assert {row["method"] for row in rows} == {"prediction_powered"}
    page = (tmp_path / "rate.html").read_text()
    assert f"<p>{deployed.stack.stack_name}, written at " in page
    assert "</html>" in page
