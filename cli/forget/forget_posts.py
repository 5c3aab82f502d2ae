"""`stresswatch forget`: what was found of a person, and what it cannot reach."""

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
    """Remove all records of the post ids, or count them, and say what was not reached.

    Raises
    ------
    OperatorError
        When an id is none, or more of the person is written all the time.
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
            f"A post id has 1 to {MAXIMUM_NAME_LENGTH} characters, and not blanks alone."
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
        say(f"Nothing was found of {', '.join(map(repr, nothing))}.")
    for sentence in forgetting.unattributed():
        say(sentence)
    if execute:
        say(f"Whatever was written before {looked_until:%Y-%m-%d %H:%M:%S} UTC was looked at.")
    elif forgetting.found:
        say("Nothing was removed yet; to remove it, add --execute.")
    say("Not reached by this command:")


@dataclass(frozen=True)
class Beyond:
    """What keeps records, or what was made of them, and cannot be changed.

    Attributes
    ----------
    stream_hours : int
        How long the streams keep a record.
    retraining, settling : int
        Retrainings that run, and runs of the monitoring workflow: they may write, of posts that
        they read before, a training set or a part of the settled archive.
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
        """Return what is left to do; the model versions are those that learned from the records."""
        until = f"{self.now + timedelta(hours=self.stream_hours):%Y-%m-%d %H:%M} UTC"
        yield (
            f"Streams keep records for {self.stream_hours} h: a post may be delivered again until "
            f"{until}. Run this once more after that."
        )
        if self.retraining:
            yield "A retraining runs and may keep what it has read: run this again when it ended."
        if self.settling:
            yield "The archive is being settled, of what was read: run this again when it ended."
        if learned_from:
            yield f"Models that learned from it: {', '.join(sorted(learned_from))}. Retrain."
        else:
            yield "Models that were trained already."
        yield (
            "What was made elsewhere: MLflow's copies of models, what consumers of the predictions "
            "stream keep, files on people's machines."
        )
