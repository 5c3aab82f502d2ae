"""The rate at the end of the demo, by labels of the sampled posts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from cli.demo.summary import CommunityRate
from cli.deployment.client import DeploymentClient
from cli.errors import DemoFailed
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.rates.cells import Period, Rate, week_of
from stresswatch.rates.rate_table import read_rates
from stresswatch.storage import label_queue
from stresswatch.task.definition import TASK


def label_drawn(deployment: DeploymentClient, sent: Mapping[str, LabelledPost]) -> int:
    """Label every post of the label queue, as annotators would; return their number.

    Parameters
    ----------
    sent : mapping of str to LabelledPost
        Sent posts by the id of their predictions.
    """
    target = deployment.target
    bucket = target.output(stack_outputs.LABEL_QUEUE_BUCKET)
    drawn = label_queue.read(target.client("s3"), bucket)
    deployment.label([sent[one.prediction_id] for one in drawn])
    return len(drawn)


def rates_of(
    deployment: DeploymentClient,
    sent: Mapping[str, LabelledPost],
    predictions: Mapping[str, Mapping[str, Any]],
    communities: Collection[str],
) -> list[CommunityRate]:
    """Read this week's rates of communities with the true rates, the largest first.

    Raises
    ------
    DemoFailed
        When a community has no rate.
    """
    target, week = deployment.target, week_of(datetime.now(UTC).date())
    bucket = target.output(stack_outputs.ARCHIVE_BUCKET)
    found = read_rates(target.client("s3"), bucket, week, week + timedelta(days=1))
    rates = {rate.source: rate for rate in found if rate.period is Period.WEEK}
    if missing := sorted(set(communities) - rates.keys()):
        raise DemoFailed(f"There is no {TASK.label.rate} of {', '.join(missing)}.")
    labels: dict[str, list[int]] = {name: [] for name in communities}
    for id_, labelled in sent.items():
        predicted_on = datetime.fromisoformat(predictions[id_]["predicted_at"]).date()
        if labelled.post.source in labels and week_of(predicted_on) == week:
            labels[labelled.post.source].append(labelled.label)
    made = [_beside(rates[name], name, labels[name]) for name in communities]
    return sorted(made, key=lambda one: (-one.posts, one.community))


def rate_words(rate: CommunityRate) -> str:
    """Return a community's rate in a few words."""
    if rate.called is None:
        return f"{rate.community}: too few posts for a rate"
    called = f"{rate.community}: called {rate.called:.1%}"
    if rate.corrected is None:
        return f"{called}, too few labels to correct it"
    interval = f"{rate.low:.1%} to {rate.high:.1%}"
    return f"{called}, corrected {rate.corrected:.1%} ({interval}), true {rate.true:.1%}"


def _beside(rate: Rate, community: str, labels: list[int]) -> CommunityRate:
    return CommunityRate(
        community,
        len(labels),
        rate.labelled or 0,
        rate.called_rate,
        rate.corrected_rate,
        rate.low,
        rate.high,
        fmean(labels),
        rate.method,
    )
