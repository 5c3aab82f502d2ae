"""A separate local stack for a benchmark, with the settings of the stage dev."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import local
from cli.data.synthetic import generate_posts
from cli.deployment.client import DeploymentClient
from cli.deployment.synthesis import synthesize
from cli.deployment.target import of_local_stack
from stresswatch.aws import stack_outputs
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.versions.champion import Pointer, write_pointer
from stresswatch.versions.model_version import MODEL_FILE, folder_of_version, sha256
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

_TRAINING_POSTS = 600


@contextmanager
def with_champion() -> Iterator[DeploymentClient]:
    """Start a local stack with a champion, trained on synthetic posts."""
    with deployed() as running:
        promote(running, generate_posts()[:_TRAINING_POSTS])
        yield running


@contextmanager
def deployed() -> Iterator[DeploymentClient]:
    """Start an empty local stack."""
    with tempfile.TemporaryDirectory() as folder:
        app = synthesize(Path(folder) / "cdk.out")
        stack = local.up(Path(folder) / "stack", template_directory=app, on_progress=lambda _: None)
        try:
            yield DeploymentClient(of_local_stack(stack))
        finally:
            local.down(Path(folder) / "stack")


def promote(running: DeploymentClient, posts: Sequence[LabelledPost]) -> None:
    """Train a champion on the posts; its quality does not matter here."""
    model = export_pipeline(fit_pipeline(posts, Hyperparameters())).to_bytes()
    target, version = running.target, "load"
    bucket = target.output(stack_outputs.MODEL_BUCKET)
    folder = folder_of_version(bucket, version)
    target.client("s3").put_object(Bucket=bucket, Key=(folder / MODEL_FILE).key, Body=model)
    pointer = Pointer(version, str(folder), sha256(model))
    write_pointer(
        target.client("ssm"), target.output(stack_outputs.CHAMPION_PARAMETER), pointer, "load"
    )
