"""The contracts' schemas accept the code's output, and nothing that breaks the contract."""

import json
from dataclasses import asdict

import jsonschema
import pytest

from docs.schemas import schemas
from stresswatch.contracts.labelled_posts import labelled_post_record
from stresswatch.contracts.posts import post_record
from stresswatch.model.predict import predict
from stresswatch.model.sklearn_export import export_pipeline
from stresswatch.versions.champion import Pointer
from tests.conftest import make_posts
from training_jobs.model.fitting import Hyperparameters, fit_pipeline

SCHEMAS = schemas()


@pytest.fixture(scope="module")
def predictions():
    posts = make_posts(120)
    artefact = export_pipeline(fit_pipeline(posts, Hyperparameters()))
    named = [(f"id-{place}", labelled.post) for place, labelled in enumerate(posts)]
    return predict(named, artefact, "v1", "2026-11-24T00:00:00+00:00")


def is_valid(name, instance):
    return jsonschema.Draft202012Validator(SCHEMAS[name]).is_valid(instance)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_json_schema(name):
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_posts_and_labels_written_by_the_code_are_valid():
    for labelled in make_posts(50):
        assert is_valid("post", post_record(labelled.post))
        assert is_valid("label", labelled_post_record(labelled))


@pytest.mark.parametrize(
    "broken",
    [{"post_id": "a"}, {"text": " "}, {"text": "x" * 40_001}, {"text": "x", "sentiment": "high"}],
)
def test_posts_that_break_the_contract_are_invalid(broken):
    assert not is_valid("post", broken)


def test_predictions_and_archive_rows_of_the_code_are_valid(predictions):
    for prediction in predictions:
        assert is_valid("prediction", json.loads(prediction.message()))
        assert is_valid("archive-row", json.loads(prediction.archive_line()))


def test_an_archive_row_with_text_is_invalid(predictions):
    row = json.loads(predictions[0].archive_line())
    assert not is_valid("archive-row", row | {"text": "words"})


def test_a_champion_pointer_needs_a_digest():
    pointer = asdict(Pointer("v1", "s3://models/models/v1/", "0" * 64))
    assert is_valid("champion", pointer)
    del pointer["sha256"]
    assert not is_valid("champion", pointer)
