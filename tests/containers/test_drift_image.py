"""The drift image under Lambda's runtime client, read-only except /tmp, as Lambda runs it."""

from datetime import UTC, datetime, timedelta

import pytest

from stresswatch.contracts.predictions import Record
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.settled.places import PREDICTIONS, Part
from stresswatch.settled.settle import settle
from stresswatch.settled.windows import Window
from stresswatch.storage import archive
from tests.conftest import make_posts
from tests.containers.conftest import running

DOCKERFILE = "lambdas/drift/Dockerfile"
IMAGE_LIMIT = 10_000_000_000
START = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
WINDOW = {"start": START.isoformat(), "end": (START + timedelta(hours=1)).isoformat()}
CALM_ONLY = [post for post in make_posts(400, seed=6) if post.label == 0]

pytestmark = pytest.mark.images


@pytest.fixture(scope="module")
def image(build):
    return build(DOCKERFILE, "lambda")


def test_the_image_is_within_the_limit(engine, image):
    assert 100_000_000 < engine.size(image) < IMAGE_LIMIT


def test_a_window_is_measured_and_leaves_a_report(
    engine, image, aws, api, function_environment, tmp_path
):
    records = [
        Record(b"", "posts", "shard", str(n), START.timestamp()) for n in range(len(CALM_ONLY))
    ]
    posts = [(one.prediction_id, two.post) for one, two in zip(records, CALM_ONLY, strict=True)]
    artefact = Artefact.from_bytes(aws.body("models", "models/v1/model.npz"))
    archive.write(aws.s3, "archive", records, predict(posts, artefact, "v1", START.isoformat()))
    part = Part(Window(START, START + timedelta(hours=1)), "shard")
    settle(aws.s3, "archive", PREDICTIONS, part, sample_posts=10_000)
    command = engine.run(
        image, "handler.handler", environment=function_environment,
        options=["--network=host", "--read-only", "--tmpfs=/tmp"],
    )  # fmt: skip
    with running(api, command, None, tmp_path):
        answer = api.invoke(WINDOW | {"shards": 1}, seconds=300)
    assert (answer["status"], answer["posts"]) == ("measured", len(CALM_ONLY))
    assert answer["share"] > 0.3
    report = aws.body("archive", answer["report"].removeprefix("s3://archive/"))
    assert b"<html" in report[:2000].lower()
    (message,) = aws.messages()
    assert "differ from the reference" in message
