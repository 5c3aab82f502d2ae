"""Learns which reviews are found helpful, and predicts with the predictor, on moto.

Run by `test_another_task.py` with the task of reviews in `STRESSWATCH_TASK`.
"""

import json
import os
import random
import sys
from pathlib import Path

from moto import mock_aws

import tests.conftest  # noqa: F401 - the settings that every test has
from cdk_app.settings.stages import STAGES
from cli.deployment.client import payload
from cli.smoke import smoke_posts
from local.event_source_mapping.batching import ShardRecord
from local.event_source_mapping.invocation import Source, kinesis_event
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import NUMERIC_FEATURES, SMOKE_PREFIX, Post, post_record
from stresswatch.serving import web_schemas
from stresswatch.task.definition import TASK
from tests.integration.conftest import CONTEXT, ENVIRONMENT, Aws, train_version

_SOURCE = Source(
    "arn:aws:kinesis:us-east-1:123456789012:stream/posts", "shardId-000000000000", "role"
)
_HELPFUL = "measured battery after weeks compared because instructions returned fits size".split()
_NOT = "wow amazing best ever love terrible worst waste never stars".split()
_BOTH = "bought this for my kitchen and it came on time the colour is as shown".split()


def reviews(count, seed):
    """Reviews, of which the helpful ones neither rave nor rage."""
    chance = random.Random(seed)
    for number in range(count):
        helpful = chance.randint(0, 1)
        words = chance.choices(_BOTH, k=15) + chance.choices(_HELPFUL if helpful else _NOT, k=6)
        numbers = {
            "stars": float(chance.choice([2, 3, 4] if helpful else [1, 5])),
            "days_owned": chance.gauss(60 if helpful else 3, 5),
            "pictures": float(helpful and chance.randint(0, 3)),
        }
        post = Post(
            f"review-{seed}-{number}",
            " ".join(words),
            tuple(numbers[name] for name in NUMERIC_FEATURES),
            source=chance.choice(["kitchen", "garden"]),
        )
        yield LabelledPost(post, helpful)


def main(folder: Path) -> None:
    from lambdas.predictor.handler import handler  # its settings are of the environment

    files = train_version(folder, list(reviews(400, seed=1)))
    new = list(reviews(40, seed=2))
    sent = [json.dumps(post_record(one.post)).encode() for one in new]
    smoke = [data for _, data in map(payload, smoke_posts("run"))]
    records = [
        ShardRecord(str(place), "key", data, 1_800_000_000.0)
        for place, data in enumerate([*sent, *smoke])
    ]
    with mock_aws():
        aws = Aws()
        aws.promote("v1", files)
        answer = handler(kinesis_event(records, _SOURCE), CONTEXT)
        predictions = {one["post_id"]: one[TASK.label.field] for one in aws.predictions()}
        archived = aws.keys("archive", "predictions/")
    result = {
        "numbers": NUMERIC_FEATURES,
        "schema": list(web_schemas.Post.model_fields),
        "answer": answer,
        "right": sum(predictions[one.post.post_id] == one.label for one in new) / len(new),
        "archived": len(archived),
        "smoke": sum(name.startswith(SMOKE_PREFIX) for name in predictions),
        "selected": STAGES["dev"].retraining.selected_features,
    }
    sys.stdout.write(f"\n{json.dumps(result)}\n")


if __name__ == "__main__":
    os.environ |= ENVIRONMENT
    main(Path(sys.argv[1]))
