"""Sampled posts from a stack's label queue: out to annotators, and their labels back.

The lines of docs/labelling.md are typed unchanged, on the local stack in place of prod.
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError
from rich.console import Console
from typer.testing import CliRunner

import local
from cli import main
from cli.deployment import target as target_module
from cli.deployment.client import DeploymentClient, payload
from cli.deployment.synthesis import settings_of, synthesize
from cli.deployment.target import of_local_stack
from cli.forget.forget_posts import forget
from cli.label_queue import waiting
from cli.trend import read_recent
from stresswatch.aws import stack_outputs
from stresswatch.rates.cells import Period, Rate, RateMethod
from stresswatch.rates.rate_table import write_rates
from stresswatch.storage import archive, label_queue
from stresswatch.versions.champion import Pointer
from stresswatch.versions.model_version import sha256
from tests.conftest import make_posts
from tests.e2e.deployed import BASE, Deployed
from tests.e2e.operators import not_missed, operator
from tests.e2e.waiting import eventually
from tests.integration.conftest import train_version

POSTS = make_posts(60, seed=41)
SHARE = 0.5

QUEUE = "stresswatch queue --stage prod"
QUEUE_AS_JSON = "stresswatch queue --stage prod --json"
WIDTH = "stresswatch queue --width 10 --stage prod"
EXPORT = "stresswatch queue export --format label-studio --blind --output tasks.json --stage prod"
CHECK = "stresswatch label project-1.json --check"
LABEL = "stresswatch label project-1.json --stage prod"
ANNOTATE = "stresswatch annotate --stage prod"


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A stack that samples every second post, with a champion and some predicted posts."""
    changed = settings_of([f"labelling.label_sample_share={SHARE}"])
    app = synthesize(tmp_path_factory.mktemp("drawing") / "app", changed=changed)
    folder = app.parent / "stack"
    stack = local.up(folder, template_directory=app, on_progress=lambda _: None)
    try:
        deployed = Deployed(stack, app, folder)
        promote(deployed, train_version(tmp_path_factory.mktemp("training"), BASE))
        deployed.deployment.send([payload(post) for post in POSTS])
        eventually("rows of what was sent", lambda: len(rows(deployed)) >= len(POSTS))
        yield deployed
    finally:
        local.down(folder)


def promote(deployed: Deployed, files: dict[str, bytes]) -> None:
    bucket = deployed.stack.outputs[stack_outputs.MODEL_BUCKET]
    for name, content in files.items():
        deployed.client("s3").put_object(Bucket=bucket, Key=f"models/v1/{name}", Body=content)
    deployed.point_to(Pointer("v1", f"s3://{bucket}/models/v1/", sha256(files["model.npz"])))


def rows(deployed: Deployed) -> list[dict[str, Any]]:
    now, bucket = datetime.now(UTC), deployed.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
    return archive.read(deployed.client("s3"), bucket, now - timedelta(hours=1), now)


@pytest.fixture
def typed(drawing: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Type a line in an empty folder; return its output."""
    target = of_local_stack(drawing.stack)
    monkeypatch.setattr(target_module, "aws_target", lambda _stage: target)
    monkeypatch.chdir(tmp_path)

    def typed(line: str, keys: str = "") -> str:
        pressed = iter(keys)
        monkeypatch.setattr(typer, "getchar", lambda: next(pressed))
        result = CliRunner().invoke(main.app, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
        return result.stdout

    return typed


def annotated(task: dict[str, Any]) -> dict[str, Any]:
    """Return a task as Label Studio exports it, labelled as its post is."""
    (truth,) = [post.label for post in POSTS if post.post.text == task["data"]["text"]]
    choice = "stressed" if truth else "not stressed"
    result = {"from_name": "label", "type": "choices", "value": {"choices": [choice]}}
    given = datetime.now(UTC).isoformat()
    return task | {"annotations": [{"result": [result], "completed_by": 1, "updated_at": given}]}


def test_sampled_posts_go_to_annotators_and_return_with_labels(
    drawing: Deployed, typed: Callable[..., str]
) -> None:
    drawn = {row["post_id"] for row in rows(drawing) if row["sample"] == "random"}
    assert {row["inclusion_probability"] for row in rows(drawing)} == {SHARE}
    assert 0 < len(drawn) < len(POSTS)
    assert f"{len(drawn)} posts wait for a label" in typed(QUEUE)
    assert "No week has an estimate yet" in typed(WIDTH)
    typed(EXPORT)
    tasks = json.loads(Path("tasks.json").read_text())
    assert {task["data"]["post_id"] for task in tasks} == drawn
    *for_later, last = tasks
    Path("project-1.json").write_text(json.dumps([annotated(task) for task in for_later]))
    typed(CHECK)
    assert json.loads(typed(QUEUE_AS_JSON))["labelled"] == 0
    assert f"{len(for_later)} labels submitted." in typed(LABEL)
    assert json.loads(typed(QUEUE_AS_JSON))["waiting"] == 1
    assert last["data"]["text"].split()[0] in (shown := typed(ANNOTATE, keys=" 1"))
    assert "1 label submitted." in shown
    assert json.loads(typed(QUEUE_AS_JSON)) == {
        "waiting": 0,
        "labelled": len(drawn),
        "by_day_and_source": [],
    }


def test_deletion_from_the_label_queue_needs_its_own_policy(
    drawing: Deployed,
) -> None:
    queue = drawing.stack.outputs[stack_outputs.LABEL_QUEUE_BUCKET]
    queued = label_queue.read(drawing.client("s3"), queue)
    theirs = queued[0].post.post_id
    console = Console(file=io.StringIO(), width=200)
    with operator(drawing, "forget") as (target, _), pytest.raises(ClientError):
        forget(console, target, [theirs], execute=True)
    with operator(drawing, "forget", "forget-label-queue") as (target, _):
        forget(console, target, [theirs], execute=True)
    left = {one.post.post_id for one in label_queue.read(drawing.client("s3"), queue)}
    assert left == {one.post.post_id for one in queued} - {theirs}


def test_labelling_needs_each_of_the_documented_permissions(drawing: Deployed) -> None:
    with operator(drawing, "label") as (target, policy):
        today = datetime.now(UTC).date()
        suppressed = Rate(Period.DAY, today, None, RateMethod.SUPPRESSED)
        bucket = drawing.stack.outputs[stack_outputs.ARCHIVE_BUCKET]
        write_rates(drawing.client("s3"), bucket, [suppressed])

        def label() -> None:
            waiting.read_queue(target)
            assert read_recent(target, today)
            DeploymentClient(target).label(POSTS[:1])

        label()
        assert not_missed(policy, label) == []
