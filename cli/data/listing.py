"""`stresswatch data list`: base data, labels, and the origin of each training set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cli.console import literal
from cli.data.base_data import readable_size, stored
from cli.deployment.client import DeploymentClient
from cli.tables import fitted
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import Location, listed, read
from stresswatch.storage.assembly import assemble
from stresswatch.storage.prefixes import DATA_SETS
from stresswatch.storage.training_sets import (
    LABELS_PREFIX,
    folder_of_training_set,
    read_lines,
    read_training_set,
    stream_lines,
    version_of_training_set,
)
from stresswatch.storage.training_sources import SOURCES_FILE, BaseSource, Counts, Sources
from stresswatch.task.definition import TASK

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FIGURES = ("posts", TASK.label.name(1), "numeric features")
_NUMBERS = ("posts", TASK.label.name(1), "invalid", "size")


@dataclass(frozen=True)
class BaseRow:
    """A set of base data; models ignore its `invalid` lines."""

    name: str
    counts: Counts
    invalid: int
    size: int
    uploaded_at: datetime


@dataclass(frozen=True)
class LabelsRow:
    """All submitted labels; the newest label of a post counts."""

    objects: int
    counts: Counts
    invalid: int
    size: int
    newest_at: datetime | None


@dataclass(frozen=True)
class TrainingRow:
    """The training set of a model version.

    Attributes
    ----------
    base : dict of str to int or None
        Posts by set of base data; None where it was not recorded.
    """

    version: str
    serves: bool
    counts: Counts
    invalid: int | None
    base: Mapping[str, int] | None
    labels: int
    size: int
    made_at: datetime


@dataclass(frozen=True)
class Listing:
    """The data that a deployment's models learn from."""

    name: str
    base: list[BaseRow]
    labels: LabelsRow
    training_sets: list[TrainingRow]

    @staticmethod
    def of(deployment: DeploymentClient, newest: int) -> Listing:
        """Read all base data and labels, and the newest training sets."""
        s3 = deployment.target.client("s3")
        bucket = deployment.target.output(stack_outputs.TRAINING_BUCKET)
        return Listing(
            deployment.target.name,
            _base(deployment),
            _labels(s3, bucket),
            _training(deployment, newest),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""

        def record(row: BaseRow | LabelsRow | TrainingRow) -> dict[str, Any]:
            fields = asdict(row)
            return {
                name: value.isoformat() if isinstance(value, datetime) else value
                for name, value in (fields.pop("counts") | fields).items()
            }

        return {
            "base": [record(row) for row in self.base],
            "labels": record(self.labels),
            "training_sets": [record(row) for row in self.training_sets],
        }

    def show(self, console: Console) -> None:
        """Print base data and labels in one table, training sets in another."""
        console.print(self._collected(console), self._training_sets(console))

    def _collected(self, console: Console) -> Table:
        rows = [_collected(literal(row.name), row, row.uploaded_at) for row in self.base]
        labels = self.labels
        return fitted(
            console,
            f"{self.name}: what models learn from",
            ["set", *_FIGURES, "invalid", "size", "uploaded, UTC"],
            [
                *(rows or [["no base data yet:\n`stresswatch seed FILE`"]]),
                _collected(
                    f"labels\n[dim]objects: {labels.objects:,}[/]", labels, labels.newest_at
                ),
            ],
            numbers=_NUMBERS,
            dispensable=["size", "uploaded, UTC", "numeric features", "invalid"],
        )

    def _training_sets(self, console: Console) -> Table:
        rows = [
            [
                f"{literal(row.version)}\n[dim]{_minute(row.made_at)}[/]"
                + (" [green]serves[/]" if row.serves else ""),
                *_figures(row.counts),
                "\n".join(map(literal, _made_of(row))),
            ]
            for row in self.training_sets
        ]
        return fitted(
            console,
            f"{self.name}: training sets",
            ["version", *_FIGURES, "made of"],
            rows or [["none yet:\n`stresswatch retrain`"]],
            numbers=_NUMBERS,
            dispensable=["numeric features", TASK.label.name(1)],
        )


def _collected(name: str, row: BaseRow | LabelsRow, at: datetime | None) -> list[str]:
    """Return the cells of base data, or of the labels."""
    return [
        name,
        *_figures(row.counts),
        f"{row.invalid:,}",
        readable_size(row.size),
        _minute(at) if at else "",
    ]


def _base(deployment: DeploymentClient) -> list[BaseRow]:
    s3 = deployment.target.client("s3")
    bucket = deployment.target.output(stack_outputs.TRAINING_BUCKET)
    rows = []
    for one in stored(deployment):
        lines = stream_lines(s3, Location(bucket, one.key))
        made = _sources([BaseSource(one.name, one.uploaded_at, lines)], [])
        rows.append(BaseRow(one.name, made.counts, made.invalid, one.size, one.uploaded_at))
    return rows


def _labels(s3: S3Client, bucket: str) -> LabelsRow:
    objects = _objects(s3, bucket, LABELS_PREFIX)
    made = _sources([], read_lines(s3, bucket, LABELS_PREFIX))
    return LabelsRow(
        objects=len(objects),
        counts=made.counts,
        invalid=made.invalid,
        size=sum(size for size, _ in objects.values()),
        newest_at=max((written for _, written in objects.values()), default=None),
    )


def _sources(base: Iterable[BaseSource], labels: Iterable[bytes]) -> Sources:
    """Return the composition of a training set from this data."""
    with assemble(base, labels) as training_set:
        return training_set.sources


def _training(deployment: DeploymentClient, newest: int) -> list[TrainingRow]:
    s3 = deployment.target.client("s3")
    bucket = deployment.target.output(stack_outputs.TRAINING_BUCKET)
    objects = _objects(s3, bucket, DATA_SETS)
    sets = {version: key for key in objects if (version := version_of_training_set(key))}
    in_order = sorted(sets, key=lambda version: objects[sets[version]][1], reverse=True)
    champion = deployment.champion()
    rows = []
    for version in in_order[:newest]:
        folder = folder_of_training_set(bucket, version)
        is_recorded = (folder / SOURCES_FILE).key in objects
        made = _recorded(s3, folder) if is_recorded else _counted(s3, folder)
        size, made_at = objects[sets[version]]
        serves = champion is not None and champion.version == version
        rows.append(TrainingRow(version, serves, *made, size, made_at))
    return rows


_Made = tuple[Counts, int | None, Mapping[str, int] | None, int]
"""Counts, invalid lines, posts by set of base data, labels."""


def _recorded(s3: S3Client, folder: Location) -> _Made:
    made = Sources.from_bytes(read(s3, folder / SOURCES_FILE))
    base = {name: one.posts for name, one in made.base.items()}
    return made.counts, made.invalid, base, made.labels


def _counted(s3: S3Client, folder: Location) -> _Made:
    """Count a training set from before its sources were recorded."""
    posts = read_training_set(s3, folder)
    return Counts.of(posts), None, None, sum(one.labelled_at is not None for one in posts)


def _objects(s3: S3Client, bucket: str, prefix: str) -> dict[str, tuple[int, datetime]]:
    """List the objects under a prefix: size and last modification by key."""
    return {
        found["Key"]: (found["Size"], found["LastModified"]) for found in listed(s3, bucket, prefix)
    }


def _figures(counts: Counts) -> tuple[str, str, str]:
    """Return the cells of the columns `_FIGURES`."""
    posts = f"{counts.posts:,}"
    if counts.unweighted:
        posts += f"\n{counts.unweighted:,} with confidence 0"
    return posts, f"{counts.positive:,}", _with_features(counts)


def _with_features(counts: Counts) -> str:
    if not counts.posts:
        return ""
    if counts.text_only == counts.posts:
        return "none: text only"
    return f"{counts.text_only:,} text only" if counts.text_only else "yes"


def _made_of(row: TrainingRow) -> list[str]:
    base = row.base
    lines = (
        ["base data: not recorded"]
        if base is None
        else [f"{name}: {posts:,}" for name, posts in base.items()]
    )
    if row.labels:
        lines.append(f"labels: {row.labels:,}")
    if row.invalid:
        lines.append(f"left out, as invalid: {row.invalid:,}")
    return lines


def _minute(timestamp: datetime) -> str:
    return f"{timestamp:%Y-%m-%d %H:%M}"
