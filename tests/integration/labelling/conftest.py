"""A stack with a label queue on moto, and the command that works on it."""

from errno import ENXIO

import boto3
import pytest
import typer
from typer.testing import CliRunner

from cli import main
from cli.deployment import target as target_module
from cli.deployment.target import Target
from stresswatch.aws import stack_outputs
from tests.integration.labelling.drawn import QUEUE, put_into_queue


def press(key):
    """Type a key as a terminal does, or None where there is no terminal."""
    if key is None:
        raise OSError(ENXIO, "No such device or address", "/dev/tty")
    if key == "\x03":
        raise KeyboardInterrupt
    return key


@pytest.fixture
def run(aws, monkeypatch, tmp_path):
    """Run a command in a terminal, in an empty folder, on a stack with four sampled posts."""
    aws.s3.create_bucket(Bucket=QUEUE)
    put_into_queue(aws.s3, QUEUE)
    outputs = {
        stack_outputs.ARCHIVE_BUCKET: "archive",
        stack_outputs.TRAINING_BUCKET: "training",
        stack_outputs.LABEL_QUEUE_BUCKET: QUEUE,
    }
    target = Target("stresswatch-dev", outputs, boto3.client)
    monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, keys=""):
        pressed = iter(keys)
        monkeypatch.setattr(typer, "getchar", lambda: press(next(pressed)))
        return CliRunner().invoke(main.app, [*map(str, arguments)])

    run.outputs = outputs
    return run
