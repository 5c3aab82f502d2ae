"""Learn from posts generated for a task, and predict with the predictor, on moto.

`test_another_task.py` runs it with the task of reviews in `STRESSWATCH_TASK`.
"""

import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from moto import mock_aws

import tests.conftest  # noqa: F401 - the settings that every test has
from benchmarks.baseline import BaselineModel
from benchmarks.gate import deal
from benchmarks.month.calendar import make_month
from cdk_app.settings.stages import STAGES
from cli.data.synthetic import generate_posts, generate_stream
from cli.deployment.client import payload
from cli.smoke import smoke_posts
from docs.schemas import schemas
from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts.posts import NUMERIC_FEATURES, SMOKE_PREFIX, post_record
from stresswatch.model.artefact import Artefact
from stresswatch.retraining.contenders import Contender
from stresswatch.retraining.gate import decide
from stresswatch.settled.rows import rows_in
from stresswatch.task.definition import TASK
from tests.integration.conftest import CONTEXT, ENVIRONMENT, Aws, train_version
from training_jobs.model.dataset import frame, labels_of

_SOURCE = Source(
    "arn:aws:kinesis:us-east-1:123456789012:stream/posts", "shardId-000000000000", "role"
)


def main(folder: Path) -> None:
    from lambdas.predictor.handler import handler  # its settings come from the environment

    posts = generate_posts()
    files = train_version(folder, posts)
    contender = Contender(Artefact.from_bytes(files["model.npz"]), posts)
    rules = STAGES["dev"].retraining.gate
    new = generate_stream()[:100]
    sent = [json.dumps(post_record(one.post)).encode() for one in new]
    smoke = [data for _, data in map(payload, smoke_posts("run"))]
    records = [
        ShardRecord(str(place), "key", data, 1_800_000_000.0)
        for place, data in enumerate([*sent, *smoke])
    ]
    with mock_aws():
        aws = Aws()
        aws.promote("v1", files)
        event = kinesis_event(records, _SOURCE)
        answer = handler(event, CONTEXT)
        predictions = {one["post_id"]: one[TASK.label.field] for one in aws.predictions()}
        archived = aws.keys("archive", "predictions/")
        raw = folder / "archived.jsonl.gz"
        raw.write_bytes(aws.body("archive", archived[0]))
    with rows_in(folder) as rows:
        rows.write([raw], [], datetime(2026, 1, 1, tzinfo=UTC))
        settled_smoke_posts, counts = rows.counts()
    labelled = [replace(one, labelled_at="2026-01-01T00:00:00Z") for one in generate_stream()]
    same = decide(replace(contender, posts=[*posts, *labelled]), contender, rules)
    draw, (base, days) = deal(posts, 0), make_month(posts)
    baseline = BaselineModel().fit(frame(posts[:200]), labels_of(posts[:200]))
    result = {
        "numbers": NUMERIC_FEATURES,
        "answer": answer,
        "right": sum(predictions[one.post.post_id] == one.label for one in new) / len(new),
        "archived": len(archived),
        "settled": [settled_smoke_posts, sum(one.posts for one in counts)],
        "smoke": sum(name.startswith(SMOKE_PREFIX) for name in predictions),
        "manifest": json.loads(files["manifest.json"])["task"],
        "card": files["model_card.md"].decode(),
        "sent": json.loads(sent[0]),
        "floor": rules.minimum_roc_auc,
        "accepted": decide(contender, None, rules).accepted,
        "failed": [check.name for check in same.checks if not check.passed],
        "schemas": {name: list(one["properties"]) for name, one in schemas().items()},
        "baseline": baseline.handle(event["Records"][0])["post_id"],
        "dealt": [len(draw.base), len(draw.drifted), len(draw.alike), len(base), len(days)],
        "selected": STAGES["dev"].retraining.selected_features,
    }
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    os.environ |= ENVIRONMENT
    main(Path(sys.argv[1]))
