"""Settings and fixtures for every tier of tests."""

from __future__ import annotations

import fcntl
import gc
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

import tests.tested_tasks  # noqa: F401  # isort: skip - before the task of the process is read

from cli.deployment.synthesis import synthesize
from local.daemon import OWNER_VARIABLE
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, Post
from tests import atomic_s3, service_models, strict_calls, strict_cloudwatch

# Tests reach AWS only through moto or the local stack.
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "DO_NOT_TRACK": "1",
    "POWERTOOLS_METRICS_NAMESPACE": "Stresswatch",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "STAGE": "dev",
    # Leave no local stack behind, however a test run ends.
    OWNER_VARIABLE: str(os.getpid()),
    # As in the training job: threads of small matrices wait for each other.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
threadpool_limits(1)  # for libraries that are loaded already
for name in ("AWS_PROFILE", "MLFLOW_TRACKING_URI"):
    os.environ.pop(name, None)

# A shell's background job ignores Ctrl-C, and so would its children, which tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Each AWS mock has its own session, which would read the service models again.
service_models.install()

# CloudWatch refuses values that moto and the local stack accept.
strict_cloudwatch.install()
strict_calls.install()

# A read during a write fails on moto, and never on S3.
atomic_s3.install()

# Machines are noisy, and Hypothesis builds its Unicode tables within the first example.
settings.register_profile("noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("noisy")

PROJECT = Path(__file__).parents[1]

_CALM = "garden walk coffee friend music weekend recipe sunny book dinner holiday game".split()
_TENSE = "panic cannot sleep afraid overwhelmed crying anxious exhausted worried alone".split()
_BOTH = "today work feel people think really maybe going home tell week time day know".split()


def make_posts(count: int, seed: int = 1) -> list[LabelledPost]:
    """Posts whose words and numeric features show stress, with some noise and missing values."""
    random_ = random.Random(seed)
    return [_post(f"post-{seed}-{place}", random_) for place in range(count)]


def _post(post_id: str, random_: random.Random) -> LabelledPost:
    label = random_.randint(0, 1)
    tense = label if random_.random() < 0.9 else 1 - label
    words = random_.choices(_BOTH, k=20) + random_.choices(_TENSE if tense else _CALM, k=8)
    random_.shuffle(words)
    centre = (20.0, 12.0, 6.0, 30.0, -0.1) if tense else (60.0, 6.0, 2.0, 60.0, 0.2)
    numbers = tuple(
        float("nan") if random_.random() < 0.05 else random_.gauss(mean, abs(mean) / 3 + 0.05)
        for mean in centre
    )
    assert len(numbers) == len(NUMERIC_FEATURES)
    source = random_.choice(["anxiety", "ptsd"])
    return LabelledPost(Post(post_id, " ".join(words), numbers, None, source), label)


@pytest.fixture(scope="session")
def labelled_posts() -> list[LabelledPost]:
    return make_posts(400)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The deployed app, synthesised once for all workers of a run."""
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    with (folder / "app.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "app").exists():
            synthesize(folder / "cdk.out").rename(folder / "app")
    return folder / "app"


@pytest.fixture(autouse=True)
def calls_are_what_aws_takes() -> Iterator[None]:
    """Fail a test whose calls AWS would refuse, even if the code caught the error."""
    strict_calls.take()
    yield
    assert not strict_calls.take()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests that need real posts if there are none, and say so."""
    folder = os.environ.get("STRESSWATCH_DATA_DIR", "")
    if folder and (Path(folder) / "dreaddit-train.csv").exists():
        return
    for item in items:
        if item.get_closest_marker("real_posts"):
            item.add_marker(pytest.mark.skip(reason="no real posts in STRESSWATCH_DATA_DIR"))


def pytest_collection_finish() -> None:
    """Keep what is imported by then out of garbage collections, which look at all objects."""
    gc.collect()
    gc.freeze()
