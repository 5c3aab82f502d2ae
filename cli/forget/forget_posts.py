"""`stresswatch forget`: remove a person's records, and report what it cannot reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console

from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.forget.people import id_of
from cli.forget.places import places_of
from cli.forget.sweep import Sweep
from cli.forget.view import Forgetting
from stresswatch.aws import stack_outputs
from stresswatch.contracts.posts import MAXIMUM_NAME_LENGTH


def forget(console: Console, target: Target, post_ids: Sequence[str], *, execute: bool) -> None:
    """Remove or count all records of the post ids, and report what was not reached.

    Raises
    ------
    OperatorError
        When an id is invalid, or records of the person keep arriving.
    """
    ids = frozenset(map(_required_id, post_ids))
    places = places_of(target)
    beyond = Beyond.of(DeploymentClient(target))
    with Forgetting(console, places, execute=execute) as forgetting:
        sweep = Sweep(target.client("s3"), ids, execute)
        looked_until = sweep.until_clean(places, forgetting.note)
    _tell(console, forgetting, ids, looked_until, execute=execute)
    for sentence in beyond.sentences(forgetting.learned_from):
        console.print(f"- {sentence}", markup=False, highlight=False)


def _required_id(given: str) -> str:
    post_id = id_of(given)
    if post_id is None or len(given) > MAXIMUM_NAME_LENGTH:
        raise OperatorError(
            f"A post id has 1 to {MAXIMUM_NAME_LENGTH} characters, not only blanks."
        )
    return post_id


def _tell(
    console: Console,
    forgetting: Forgetting,
    ids: frozenset[str],
    looked_until: datetime,
    *,
    execute: bool,
) -> None:
    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False)

    if nothing := sorted(ids - forgetting.found):
        say(f"No records were found for {', '.join(map(repr, nothing))}.")
    for sentence in forgetting.unattributed():
        say(sentence)
    if execute:
        say(f"Everything written before {looked_until:%Y-%m-%d %H:%M:%S} UTC was searched.")
    elif forgetting.found:
        say("Nothing was removed yet; to remove it, add --execute.")
    say("Not reached by this command:")


@dataclass(frozen=True)
class Beyond:
    """Places that keep records or derived data, and cannot be changed.

    Attributes
    ----------
    stream_hours : int
        How long the streams keep a record.
    retraining, settling : int
        Running retrainings and monitoring workflows: they may write a training set or a part of the
        settled archive from posts that they read earlier.
    """

    now: datetime
    stream_hours: int
    retraining: int
    settling: int

    @staticmethod
    def of(deployment: DeploymentClient) -> Beyond:
        stream = deployment.target.output(stack_outputs.POSTS_STREAM)
        summary = deployment.target.client("kinesis").describe_stream_summary(StreamName=stream)
        retraining, settling = (
            [execution["status"] for execution in deployment.executions(workflow)].count("RUNNING")
            for workflow in (
                stack_outputs.RETRAINING_STATE_MACHINE,
                stack_outputs.MONITORING_STATE_MACHINE,
            )
        )
        return Beyond(
            datetime.now(UTC),
            summary["StreamDescriptionSummary"]["RetentionPeriodHours"],
            retraining,
            settling,
        )

    def sentences(self, learned_from: set[str]) -> Iterator[str]:
        """Return the remaining steps, given the model versions that learned from the records."""
        until = f"{self.now + timedelta(hours=self.stream_hours):%Y-%m-%d %H:%M} UTC"
        yield (
            f"Streams keep records for {self.stream_hours} h: a post may be delivered again until "
            f"{until}. Run this once more after that."
        )
        if self.retraining:
            yield "A retraining runs and may keep what it has read: run this again after it ends."
        if self.settling:
            yield "The archive is being settled from earlier records: run this again after it ends."
        if learned_from:
            yield f"Models that learned from it: {', '.join(sorted(learned_from))}. Retrain."
        else:
            yield "Models that are already trained."
        yield (
            "Copies elsewhere: MLflow's copies of models, data of consumers of the predictions "
            "stream, files on people's machines."
        )
