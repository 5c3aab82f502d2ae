"""The training container's folders, and a run of its entry point."""

import json

from stresswatch.storage.training_sets import TrainingSet
from training_jobs.stress_model.train import main


def put_posts(container, content: bytes, name="posts.jsonl"):
    (container / "input/data/train" / name).write_bytes(content)


def put_parameters(container, **parameters):
    (container / "input/config/hyperparameters.json").write_text(json.dumps(parameters))


def run(container):
    return main(["train", "--prefix", str(container)])


def lines(posts):
    return TrainingSet(base=posts, new=[], invalid=0).to_bytes()


def files_of(container):
    return {path.name: path.read_bytes() for path in (container / "model").iterdir()}
