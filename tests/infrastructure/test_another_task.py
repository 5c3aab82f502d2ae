"""The stack of another task: its features, words and file, by the same app."""

import json

import pytest

from cli.deployment.synthesis import synthesize
from stresswatch.task.definition import read_task
from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT

FILE = PROJECT / "tests" / "tasks" / "reviews.toml"
TASK = read_task(FILE)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TASK_VARIABLE, str(FILE))
        return synthesize(tmp_path_factory.mktemp("reviews"), bundles=False)


def test_layer_and_images_hold_the_tasks_file(assembly):
    held = [path.read_text() for path in assembly.glob("asset.*/**/task/task.toml")]
    assert held == [FILE.read_text()] * 3


def test_tables_and_queries_have_the_tasks_names(assembly):
    template = json.loads((assembly / "stresswatch-dev.template.json").read_text())
    assert template["Description"].startswith(TASK.title)
    resources = template["Resources"].values()
    tables = {
        table["Name"]: {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
        for table in (
            one["Properties"]["TableInput"]
            for one in resources
            if one["Type"] == "AWS::Glue::Table"
        )
    }
    features = {feature.name for feature in TASK.numeric_features}
    assert tables["predictions"] >= {TASK.label.field, *features}
    assert tables["labels"] == {TASK.fields.id, "label", "labelled_at"}
    assert "stressed" not in json.dumps(template)
