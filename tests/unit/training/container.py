"""The training container's folders, and a run of its entry point."""

import json

from tests.training_sets import content_of
from training_jobs.model.train import main


def put_posts(container, content: bytes, name="posts.jsonl"):
    (container / "input/data/train" / name).write_bytes(content)


def put_parameters(container, **parameters):
    (container / "input/config/hyperparameters.json").write_text(json.dumps(parameters))


def run(container):
    return main(["train", "--prefix", str(container)])


def lines(posts):
    return content_of(posts)


def files_of(container):
    return {path.name: path.read_bytes() for path in (container / "model").iterdir()}
