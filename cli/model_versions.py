"""Operations on model versions: list, roll back, approve and reject."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cli.console import literal
from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError
from cli.tables import fitted
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import read, read_if_there
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.scorer import OtherLabel, ScorerNotAllowed
from stresswatch.retraining.approvals import answer
from stresswatch.retraining.journal import Decision, Journal
from stresswatch.task.definition import TASK
from stresswatch.versions.champion import (
    Change,
    Pointer,
    read_changes,
    write_pointer,
)
from stresswatch.versions.model_files import DigestMismatch, verify_model
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    PROBATION_FILE,
    SHADOW_FILE,
    VERDICT_FILE,
    Manifest,
    folder_of_version,
    judged_versions,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Versions:
    """The model versions of a deployment, and decisions about them."""

    deployment: DeploymentClient

    @cached_property
    def _journal(self) -> Journal:
        target = self.deployment.target
        return Journal(target.client("dynamodb"), target.output(stack_outputs.JOURNAL_TABLE))

    @cached_property
    def _operator(self) -> str:
        return str(self.deployment.target.client("sts").get_caller_identity()["Arn"])

    def table(self, newest: int, console: Console) -> Table:
        """Return a table of the newest versions: their data, metrics and status."""
        rows = []
        champion = self.deployment.champion()
        names = judged_versions(self._s3, self._bucket)
        for name in reversed(names[-newest:]):
            manifest = Manifest.from_bytes(self._read(name, MANIFEST_FILE))
            quality, posts = manifest.metrics["overall"], manifest.posts
            row = (
                f"{literal(name)}\n[dim]{literal(manifest.parent or 'none')}[/]{_other(manifest)}",
                self._state(name, champion),
                f"{posts['train'] + posts['evaluation']:,}\n{posts['new']:,} new",
                f"F1 {quality['f1']:.3f}\nBrier {quality['brier']:.3f}",
                "\n".join(map(literal, self._verdicts(name))),
            )
            rows.append(row)
        table = fitted(
            console,
            f"{self.deployment.target.name}: model versions",
            ("version\n[dim]its parent[/]", "state", "posts", "quality", "verdict"),
            rows or [("none yet:\n`stresswatch retrain`\nmakes the first",)],
            numbers=(),
            dispensable=("posts", "quality"),
            elsewhere="a wider terminal shows all",
        )
        ends = "A version's name ends with the first digits of its data's SHA-256."
        table.caption = f"{ends} {table.caption or ''}".rstrip()
        return table

    def rollback(self, version: str | None, why: str) -> Pointer:
        """Roll back to an earlier champion, by default the previous one; return its pointer.

        The replaced version is barred: no retraining promotes it again.

        Raises
        ------
        OperatorError
            When there is no such version, its file has changed, or the stage can no longer serve
            it.
        """
        parameter = self.deployment.target.output(stack_outputs.CHAMPION_PARAMETER)
        ssm = self.deployment.target.client("ssm")
        current = self.deployment.champion()
        if current is None:
            raise OperatorError("No version serves yet, so there is nothing to roll back.")
        pointer = self._earlier(read_changes(ssm, parameter), current, version)
        try:
            verify_model(self._s3, pointer, self.deployment.target.scorer)
        except (DigestMismatch, CorruptArtefact, ScorerNotAllowed, OtherLabel) as error:
            raise OperatorError(
                f"{pointer.version} cannot serve: {error}. Nothing is changed; {current.version} "
                "stays the champion."
            ) from error
        decision = Decision.now(self._operator, why)
        self._journal.bar(current.version, decision)
        self._journal.lift_bar(pointer.version)
        write_pointer(
            ssm, parameter, pointer, f"rollback from {current.version} by {decision.by}: {why}"
        )
        return pointer

    def answer(self, version: str, *, approved: bool, why: str) -> None:
        """Answer an execution that waits for an approval.

        Raises
        ------
        OperatorError
            When none waits for an approval of the version.
        """
        if not answer(
            self.deployment.target.client("stepfunctions"),
            self._journal,
            version,
            approved=approved,
            by=self._operator,
            why=why,
        ):
            raise OperatorError(f"No retraining waits for an approval of {version}.")

    def _earlier(self, changes: list[Change], current: Pointer, version: str | None) -> Pointer:
        served = list(dict.fromkeys(_served(reversed(changes))))
        for pointer in served:
            if pointer.version == current.version:
                continue
            if pointer.version == version or (
                version is None and not self._journal.barred(pointer.version)
            ):
                return pointer
        if version == current.version:
            raise OperatorError(f"{version} already serves.")
        others = ", ".join(one.version for one in served if one.version != current.version)
        if version is not None:
            raise OperatorError(
                f"{version} never served; apart from {current.version}, these did: "
                f"{others or 'none'}."
            )
        if others:
            raise OperatorError(
                f"All versions that served, except {current.version}, were rolled back: {others}; "
                "name one to let it serve again."
            )
        raise OperatorError(f"No version served before {current.version}.")

    def _state(self, version: str, champion: Pointer | None) -> str:
        if champion and champion.version == version:
            return "[green]serves[/]"
        if bar := self._journal.barred(version):
            return f"[red]rolled back[/] {bar.at} by {literal(bar.by)}: {literal(bar.why)}"
        if pending := self._journal.approval(version):
            return f"[yellow]waits for approval[/] until {pending.expires_at:%Y-%m-%d %H:%M} UTC"
        return ""

    def _verdicts(self, version: str) -> Iterator[str]:
        yield f"gate: {_reasons(json.loads(self._read(version, VERDICT_FILE)))}"
        folder = folder_of_version(self._bucket, version)
        for what, name in (("live posts", SHADOW_FILE), ("probation", PROBATION_FILE)):
            if verdict := read_if_there(self._s3, folder / name):
                yield f"{what}: {_reasons(json.loads(verdict))}"

    def _read(self, version: str, name: str) -> bytes:
        return read(self._s3, folder_of_version(self._bucket, version) / name)

    @property
    def _s3(self) -> S3Client:
        client: S3Client = self.deployment.target.client("s3")
        return client

    @property
    def _bucket(self) -> str:
        return self.deployment.target.output(stack_outputs.MODEL_BUCKET)


def _served(changes: Iterator[Change]) -> Iterator[Pointer]:
    return (change.pointer for change in changes if change.pointer)


def _reasons(verdict: Mapping[str, Any]) -> str:
    if verdict["accepted"]:
        return "accepted"
    failed = ", ".join(check["name"] for check in verdict["checks"] if not check["passed"])
    return f"rejected: {failed}"


def _other(manifest: Manifest) -> str:
    """Return a note if a version was trained for another task."""
    task = manifest.task
    if task is None or task == TASK.identity:
        return ""
    return "\n" + literal(f"for another task: {task['name']} {task['digest']}")
