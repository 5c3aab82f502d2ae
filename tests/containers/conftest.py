"""The deployed cloud assembly, the services that functions call, and a container engine."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from local.emulator.server import Server
from local.template.assembly import Assembly, read_assembly
from tests.conftest import make_posts
from tests.containers.engine import Engine, find_engine
from tests.containers.runtime_api import RuntimeApi, runtime_api
from tests.integration.conftest import ENVIRONMENT, Aws, train_version


@pytest.fixture(scope="session")
def assembly(app: Path) -> Assembly:
    return read_assembly(app, "000000000000", "local")


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = find_engine()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture(scope="session")
def build(engine: Engine, assembly: Assembly) -> Iterator[Callable[[str, str], str]]:
    """Build an image from a Dockerfile, and delete it at the end."""
    built: list[str] = []

    def build_one(dockerfile: str, base: str) -> str:
        (asset,) = [image for image in assembly.images if str(image.dockerfile) == dockerfile]
        name = f"localhost/stresswatch-test:{uuid.uuid4().hex}"
        engine.build(asset, base, name)
        built.append(name)
        return name

    yield build_one
    for name in built:
        engine.remove(name)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The stack's resources on the emulator, with a champion."""
    with (tmp_path / "emulator.log").open("wb") as log:
        server = Server.start(tmp_path / "emulator", log)
        try:
            for name, value in service_environment(server.endpoint.url).items():
                monkeypatch.setenv(name, value)
            # An earlier test's session would keep that test's credentials.
            monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
            aws = Aws()
            aws.promote("v1", train_version(tmp_path / "training", make_posts(400)))
            yield aws
        finally:
            server.stop()


def service_environment(url: str) -> dict[str, str]:
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return credentials | {"AWS_ENDPOINT_URL": url}


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with runtime_api() as served:
        yield served


@pytest.fixture
def function_environment(aws: Aws, api: RuntimeApi) -> dict[str, str]:
    """The variables that Lambda and the template set for a function, and the service addresses."""
    names = "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL AWS_DEFAULT_REGION".split()
    return ENVIRONMENT | {
        **{name: os.environ[name] for name in names},
        "AWS_REGION": os.environ["AWS_DEFAULT_REGION"],
        "AWS_LAMBDA_FUNCTION_NAME": "tests",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_LOG_GROUP_NAME": "tests",
        "AWS_LAMBDA_LOG_STREAM_NAME": "tests",
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_XRAY_SDK_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "HOME": "/tmp",
        "NOTIFICATION_TOPIC": aws.topic,
        "POWERTOOLS_METRICS_NAMESPACE": "Stresswatch",
        "POWERTOOLS_SERVICE_NAME": "tests",
        "_HANDLER": "handler.handler",
    }


@contextmanager
def running(
    api: RuntimeApi,
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None,
    folder: Path,
) -> Iterator[Path]:
    """Run a runtime client, which never ends by itself; yield the file of its output."""
    said = folder / "function.log"
    with said.open("wb") as log:
        process = api.client = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield said
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        sys.stdout.write(said.read_text())
