"""`stresswatch data suspicious`: labels of a training set that contradict a model."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.console import literal
from cli.deployment.client import DeploymentClient
from cli.errors import OperatorError
from cli.post_files.writing import file_lines
from cli.tables import fitted
from stresswatch.aws import stack_outputs
from stresswatch.aws.s3 import read_if_there
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.storage.training_sets import (
    POSTS_FILE,
    folder_of_training_set,
    valid_posts,
)
from stresswatch.task.definition import TASK
from stresswatch.text.wording import counted
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    SUSPICIOUS_LABELS_FILE,
    Manifest,
    folder_of_version,
    sha256,
)


@dataclass(frozen=True)
class SuspiciousLabel:
    """A label, and the prediction of a model that did not learn from the post.

    Attributes
    ----------
    probability : float
        Of the positive class.
    """

    labelled: LabelledPost
    probability: float


@dataclass(frozen=True)
class SuspiciousLabels:
    """The suspicious labels of a model version, the most suspicious first.

    Attributes
    ----------
    posts, suspicious : int
        Number of checked posts and of labels that look wrong. A long list is cut, so it may be
        shorter.
    """

    version: str
    posts: int
    suspicious: int
    labels: tuple[SuspiciousLabel, ...]

    @staticmethod
    def of(deployment: DeploymentClient, version: str | None) -> SuspiciousLabels:
        """Read the suspicious labels of a version, by default the champion.

        Raises
        ------
        OperatorError
            When the version does not exist, or its training set has changed or is gone.
        """
        if version is None:
            pointer = deployment.champion()
            if pointer is None:
                raise OperatorError("no champion yet: name a model version")
            version = pointer.version
        s3, output = deployment.target.client("s3"), deployment.target.output
        folder = folder_of_version(output(stack_outputs.MODEL_BUCKET), version)
        manifest = read_if_there(s3, folder / MANIFEST_FILE)
        found = read_if_there(s3, folder / SUSPICIOUS_LABELS_FILE)
        if manifest is None or found is None:
            raise OperatorError(f"no model version {version} was found; see `stresswatch versions`")
        data = folder_of_training_set(output(stack_outputs.TRAINING_BUCKET), version) / POSTS_FILE
        body = read_if_there(s3, data)
        if body is None or sha256(body) != Manifest.from_bytes(manifest).dataset_sha256:
            raise OperatorError(
                f"the training set of {version} is gone or has changed since, for example by "
                "`stresswatch forget`; retrain, and look at the new version"
            )
        content: dict[str, Any] = json.loads(found)
        posts = list(valid_posts(body.splitlines()))
        return SuspiciousLabels(
            version,
            content["posts"],
            content["suspicious"],
            tuple(
                SuspiciousLabel(posts[one["place"]], one["probability"])
                for one in content["labels"]
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return everything except the texts."""
        return {
            "version": self.version,
            "posts": self.posts,
            "suspicious": self.suspicious,
            "labels": [
                {
                    "post_id": one.labelled.post.post_id,
                    "source": one.labelled.post.source,
                    "label": one.labelled.label,
                    "probability": one.probability,
                }
                for one in self.labels
            ],
        }

    def show(self, console: Console, most: int) -> None:
        """Print the first labels, and the next steps."""
        share = self.suspicious / self.posts
        console.print(
            f"{counted(self.suspicious, 'label')} of {self.posts:,} ({share:.1%}) look wrong to "
            f"models that did not learn from the post, in the training set of {self.version}."
        )
        shown = self.labels[:most]
        if not shown:
            return
        columns = ("post_id", "source", "label", f"probability of {TASK.label.noun}")
        rows = [
            (
                literal(one.labelled.post.post_id),
                literal(one.labelled.post.source or "-"),
                str(one.labelled.label),
                f"{one.probability:.3f}",
            )
            for one in shown
        ]
        title = "The most suspicious first"
        console.print(
            fitted(
                console,
                title,
                columns,
                rows,
                numbers=columns[2:],
                dispensable=["source"],
            )
        )

    def write(self, path: Path) -> None:
        """Write the posts with their labels, for correction and `stresswatch label`.

        The file omits the labels' times, so that a correction counts as newer.
        """
        path.write_bytes(file_lines(replace(one.labelled, labelled_at=None) for one in self.labels))
