"""The stack of another task: its features, words and file, by the same app."""

import json

import pytest

from cli.deployment.synthesis import synthesize
from stresswatch.task.definition import read_task
from stresswatch.task.reading import TASK_VARIABLE
from tests.tested_tasks import OTHER_TASKS


@pytest.fixture(scope="module", params=OTHER_TASKS, ids=lambda file: file.stem)
def file(request):
    return request.param


@pytest.fixture(scope="module")
def assembly(file, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(TASK_VARIABLE, str(file))
        return synthesize(tmp_path_factory.mktemp("task"), bundles=False)


def test_layer_and_images_hold_the_tasks_file(assembly, file):
    held = [path.read_text() for path in assembly.glob("asset.*/**/task/task.toml")]
    assert held == [file.read_text()] * 3


def test_tables_and_queries_have_the_tasks_names(assembly, file):
    task = read_task(file)
    template = json.loads((assembly / "stresswatch-dev.template.json").read_text())
    assert template["Description"].startswith(task.title)
    resources = template["Resources"].values()
    tables = {
        table["Name"]: {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
        for table in (
            one["Properties"]["TableInput"]
            for one in resources
            if one["Type"] == "AWS::Glue::Table"
        )
    }
    features = task.feature_names
    assert tables["predictions"] >= {task.label.field, *features}
    assert tables["labels"] == {task.fields.id, "label", "labelled_at"}
    assert "stressed" not in json.dumps(template)
