"""`stresswatch score`: split a file, let the stack score the parts, add up the counts."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.backfill.scoring import load_version
from cli.console import literal
from cli.deployment.target import Target
from cli.errors import OperatorError
from cli.parallel import in_parallel
from cli.score.inputs import Input, input_at
from cli.score.workflow import follow
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, listed, read_if_there
from stresswatch.serving.batch_scoring import (
    COUNTS_PREFIX,
    INVALID_PREFIX,
    MANIFEST_FILE,
    RUN_FILE,
    SUMMARY_FILE,
    Counts,
    Part,
    parts_of,
    results_of,
)
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted
from stresswatch.versions.champion import Pointer, read_pointer


def score(
    console: Console,
    target: Target,
    address: str,
    version: str | None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Score a file with the champion or a named version; return the summary.

    Parts that an earlier run with the same file and version scored are skipped, and a run in
    progress is followed.

    Raises
    ------
    OperatorError
        When the file or the version cannot be used, a part was not scored, or no line is a post.
    """
    pointer = _chosen(target, version)
    job = ScoringJob(target, input_at(console, target, address), pointer)
    summary = job.summary()
    if summary is None:
        parts = job.parts()
        states = target.client("stepfunctions")
        if earlier := _running(job):
            follow(console, states, earlier, sleep)
        if left := job.left(parts):
            cause = follow(console, states, _start(job, left), sleep)
            if left := job.left(parts):
                raise OperatorError(
                    f"{len(left)} of {len(parts)} parts were not scored: {cause}; "
                    "run this again to score them."
                )
        summary = job.summarise(parts)
    _tell(console, summary, job)
    if not summary["posts"]:
        raise OperatorError(f"No line of {address} is a post.")
    return summary


def _chosen(target: Target, version: str | None) -> Pointer:
    if version is not None:
        return load_version(target, version).pointer
    champion = read_pointer(target.client("ssm"), target.output(stack_outputs.CHAMPION_PARAMETER))
    if champion is None:
        raise OperatorError("There is no champion yet; `stresswatch retrain` trains the first.")
    return champion


@dataclass(frozen=True)
class ScoringJob:
    """A file, a version, and the folder of results beside the file."""

    target: Target
    posts: Input
    pointer: Pointer

    @property
    def bucket(self) -> str:
        return self.target.output(stack_outputs.TRAINING_BUCKET)

    @property
    def results(self) -> str:
        return results_of(self.posts.key, self.pointer.version)

    def summary(self) -> dict[str, Any] | None:
        """Return the summary of a finished earlier run."""
        found = self.get(SUMMARY_FILE)
        return None if found is None else self._of_this_file(json.loads(found))

    def parts(self) -> list[Part]:
        """Split the file, or reuse an earlier run's parts."""
        if (found := self.get(MANIFEST_FILE)) is not None:
            parts = [Part(**part) for part in json.loads(found)]
            self._of_this_file({"etag": parts[0].etag})
            return parts
        size = int(self.target.output(stack_outputs.SCORING_PART_BYTES))
        parts = parts_of(self.posts.key, self.posts.etag, self.posts.size, size)
        self.put(MANIFEST_FILE, [asdict(part) for part in parts])
        return parts

    def left(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that are not scored yet."""
        s3 = self.target.client("s3")
        done = {found["Key"] for found in listed(s3, self.bucket, self.results + COUNTS_PREFIX)}
        return [part for part in parts if self.results + _counts_file(part) not in done]

    def summarise(self, parts: Sequence[Part]) -> dict[str, Any]:
        """Add up the counts of all parts, and write the summary."""
        counts = Counts()
        for found in in_parallel(lambda part: self.get(_counts_file(part)), parts):
            assert found is not None  # noqa: S101 - it was listed
            counts.add(Counts.from_bytes(found))
        summary = {
            "model_version": self.pointer.version,
            "input": f"s3://{self.bucket}/{self.posts.key}",
            "etag": self.posts.etag,
            "parts": len(parts),
            **counts.as_dict(),
        }
        self.put(SUMMARY_FILE, summary)
        return summary

    def put(self, name: str, content: object) -> str:
        """Write JSON to the folder of results; return its key."""
        key = self.results + name
        body = json.dumps(content).encode()
        self.target.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return key

    def get(self, name: str) -> bytes | None:
        """Read from the folder of results; None if the object does not exist."""
        return read_if_there(self.target.client("s3"), Location(self.bucket, self.results + name))

    def _of_this_file(self, found: dict[str, Any]) -> dict[str, Any]:
        if found["etag"] != self.posts.etag:
            raise OperatorError(
                f"s3://{self.bucket}/{self.results} has results of another file of the same name; "
                "rename this one."
            )
        return found


def _counts_file(part: Part) -> str:
    return f"{COUNTS_PREFIX}{part.name}.json"


def _running(job: ScoringJob) -> str | None:
    """Find a running execution of an earlier run of the command."""
    found = job.get(RUN_FILE)
    if found is None:
        return None
    execution: str = json.loads(found)["execution"]
    states = job.target.client("stepfunctions")
    try:
        described = states.describe_execution(executionArn=execution)
    except states.exceptions.ExecutionDoesNotExist:
        return None  # AWS forgets one after 90 days, a killed local stack at once
    return execution if described["status"] == "RUNNING" else None


def _start(job: ScoringJob, parts: Sequence[Part]) -> str:
    """Start the workflow for parts; return the execution's ARN."""
    name = uuid.uuid4().hex
    manifest = job.put(f"runs/{name}/{MANIFEST_FILE}", [asdict(part) for part in parts])
    asked = {
        "manifest": manifest,
        "results": job.results,
        "answers": f"{job.results}runs/{name}/answers",
        **asdict(job.pointer),
    }
    execution: str = job.target.client("stepfunctions").start_execution(
        stateMachineArn=job.target.output(stack_outputs.SCORING_STATE_MACHINE),
        name=name,
        input=json.dumps(asked),
    )["executionArn"]
    job.put(RUN_FILE, {"execution": execution})
    return execution


def _tell(console: Console, summary: dict[str, Any], job: ScoringJob) -> None:
    if summary["invalid"]:
        table = Table("invalid because", "lines")
        for reason, lines in summary["invalid"].items():
            table.add_row(literal(reason), f"{lines:,}")
        console.print(table)
    which = f"; the list of invalid lines is below {INVALID_PREFIX} there"
    console.print(
        f"{counted(summary['posts'], 'post')} scored by {summary['model_version']}, "
        f"{summary[TASK.label.field]:,} of them {TASK.label.name(1)}; invalid: "
        f"{sum(summary['invalid'].values()):,}. The predictions are in "
        f"s3://{job.bucket}/{job.results}{which if summary['invalid'] else ''}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
