"""Four posts that were sampled for labelling, and their labels."""

import json
from pathlib import Path

from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import TEXT_DESCRIPTORS, Prediction, Record
from stresswatch.contracts.sampling import Draw, SampleKind
from stresswatch.storage import label_queue
from tests.marker import MARKER

QUEUE = "label-queue"
AWKWARD = 'I said "no", twice;\r\nand left\tit\n=SUM(1) ä 😀'
POSTS = [
    Post("p1", AWKWARD, (0.5, *[float("nan")] * 4), "2026-11-23T08:00:00", "anxiety"),
    Post("p2", f"nothing much {MARKER}", (1.0,) * 5, None, "ptsd"),
    Post("p3", "I cannot cope any more", (0.0,) * 5),
    Post("p3", "the second segment of a long post", (0.0,) * 5),
]
LOTS = [0.04, 0.01, 0.08, 0.005]
SHARES = [0.1, 0.02, 0.1, 0.1]
"""The quotient of lot and inclusion probability orders them: fourth, first, second, third."""
ORDERED = [POSTS[3], POSTS[0], POSTS[1], POSTS[2]]


def put_into_queue(s3, bucket, posts=POSTS):
    """Put posts into a queue, as the predictor does."""
    batch = [Record(b"", "posts", "shardId-0", str(place), 0.0) for place in range(len(posts))]
    predictions = [
        Prediction(
            record.prediction_id,
            post,
            0.9,
            (0.0,) * len(TEXT_DESCRIPTORS),
            "v1",
            f"2026-11-2{3 + place // 2}T09:00:00+00:00",
            draw=Draw(LOTS[place], SHARES[place], SampleKind.RANDOM),
        )
        for place, (record, post) in enumerate(zip(batch, posts, strict=True))
    ]
    assert label_queue.write(s3, bucket, batch, predictions)


def submitted(aws):
    return [
        json.loads(line)
        for key in aws.keys("training", "labels/")
        for line in aws.body("training", key).splitlines()
    ]


def export(run, format_, *options):
    result = run("queue", "export", "--format", format_, *options)
    assert result.exit_code == 0, result.output
    return result.stdout


def write_lines(name, rows):
    """Write a file of JSON Lines."""
    Path(name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
