"""Failed trainings: one sentence gives the reason, and there is no model."""

import json
from dataclasses import replace

import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from tests.unit.training.container import lines, put_parameters, put_posts, run


def record(post_id, label, **fields):
    numbers = dict.fromkeys(NUMERIC_FEATURES, 1.0)
    return {"post_id": post_id, "text": "some words", "label": label} | numbers | fields


def jsonl(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def without(name):
    return jsonl(
        {key: value for key, value in record(str(n), n % 2).items() if key != name}
        for n in range(50)
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The data set is empty"),
        (b"\n \n", "The data set is empty"),
        (b"{\nnull\n", "has no valid rows"),
        (jsonl(record(str(n), 1) for n in range(50)), "has one class"),
        (jsonl([record("8", 1), record("1", 0), record("2", 1)]), "too few posts"),
        (without("label"), "has no valid rows: 50 of 50 lines were rejected, most for label"),
        (without("text"), "has no valid rows: 50 of 50 lines were rejected, most for text"),
        (
            jsonl(record(str(n), n % 2, confidence=0) for n in range(50)),
            "All labels in the training split have confidence 0 and weigh nothing: ",
        ),
    ],
)
def test_an_unusable_data_set_fails_with_one_sentence_and_no_model(container, content, sentence):
    put_posts(container, content)
    assert run(container) == 1
    failure = (container / "output/failure").read_text()
    assert sentence in failure
    assert failure.endswith(".")
    assert "\n" not in failure
    assert not (container / "model").exists()


def test_posts_without_a_shared_word_fail_with_one_sentence(container, labelled_posts):
    put_posts(
        container,
        lines(
            [
                replace(labelled, post=labelled.post._replace(text=f"w{place}"))
                for place, labelled in enumerate(labelled_posts)
            ]
        ),
    )
    assert run(container) == 1
    failure = (container / "output/failure").read_text()
    assert "no word occurs in 2 of the" in failure


def test_a_channel_without_files_is_an_empty_data_set(container):
    assert run(container) == 1
    assert "empty" in (container / "output/failure").read_text()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"k": "0"}, "k must be between 1 and 5"),
        ({"k": "many"}, "k must be a number"),
        ({"depth": "3"}, "unknown hyperparameter 'depth'"),
        ({"inverse_regularisation": "nan"}, "inverse_regularisation must be positive"),
    ],
)
def test_an_invalid_hyperparameter_fails_with_one_sentence(
    container, labelled_posts, parameters, sentence
):
    put_posts(container, lines(labelled_posts))
    put_parameters(container, **parameters)
    assert run(container) == 1
    assert sentence in (container / "output/failure").read_text()


def test_an_unexpected_error_is_reported_by_type_only(
    container, labelled_posts, monkeypatch, capsys
):
    def explode(*arguments):
        raise RuntimeError(labelled_posts[0].post.text)

    monkeypatch.setattr("training_jobs.model.train.fit_pipeline", explode)
    put_posts(container, lines(labelled_posts))
    assert run(container) == 1
    assert "RuntimeError" in (container / "output/failure").read_text()
    output = capsys.readouterr()
    assert labelled_posts[0].post.text not in output.out + output.err
