"""The cost estimate reads the templates as they are."""

import copy
import re

import pytest

from cdk_app.settings.stages import STAGES
from cli.cost import stage_cost
from cli.cost.measured import shipped
from cli.cost.template import read_template
from cli.errors import OperatorError
from docs import cost_figures


@pytest.mark.parametrize(
    ("name", "fixture"), [("dev", "template"), ("staging", "staging"), ("prod", "production")]
)
def test_the_stages_settings_are_read_from_its_template(name, fixture, request):
    template = request.getfixturevalue(fixture)
    stage, found = STAGES[name], read_template(name, template.body)
    assert found.shards == stage.streaming.shards
    assert found.posts_retention_hours == stage.streaming.retention_hours
    assert found.predictions_retention_hours == stage.streaming.predictions_retention_hours
    assert found.batch_size == stage.streaming.batch_size
    assert found.batch_window_seconds == stage.streaming.batch_window_seconds
    reserved = stage.serving.predictor_concurrency if stage.serving.reserves_concurrency else None
    assert found.predictor.concurrency == reserved
    assert bool(found.reserved_concurrency) == stage.serving.reserves_concurrency
    assert found.window_hours == stage.monitoring.window_minutes / 60
    assert found.sample_posts == stage.monitoring.maximum_window_posts
    assert found.settle_concurrency == stage.monitoring.settle_concurrency
    assert found.raw_archive_days == stage.storage.raw_archive_days
    assert found.quality_every_hours == stage.monitoring.quality_every_hours
    assert found.quality_window_hours == stage.monitoring.quality_window_days * 24
    assert found.retraining_every_hours == (24 if stage.retraining.schedule else None)
    assert found.pipeline == stage.retraining.pipeline
    assert found.shadow_hours == stage.retraining.shadow_minutes / 60
    assert found.probation_hours == stage.retraining.probation_minutes / 60
    assert found.log_retention_days == stage.storage.log_retention_days
    assert found.alarms == len(template.resources("AWS::CloudWatch::Alarm"))
    assert found.keys == len(template.resources("AWS::KMS::Key"))


def test_resources_added_to_the_template_are_counted(template):
    body = copy.deepcopy(template.body)
    body["Resources"]["Another"] = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {}}
    metric = {"MetricStat": {}}
    body["Resources"]["Math"] = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"Metrics": [{"Expression": "a / b"}, metric, metric]},
    }
    before, after = (read_template("dev", each) for each in (template.body, body))
    assert after.dashboards == before.dashboards + 1
    assert after.alarms == before.alarms + 2


def test_a_template_without_the_needed_resources_is_rejected(template):
    body = copy.deepcopy(template.body)
    for name in template.resources("AWS::Lambda::EventSourceMapping"):
        del body["Resources"][name]
    with pytest.raises(OperatorError, match="lacks what the estimate reads"):
        read_template("dev", body)


def test_the_command_synthesises_the_named_stage(production):
    assert stage_cost.deployment("prod") == read_template("prod", production.body)


def test_the_documented_estimate_is_up_to_date(production):
    deployment = read_template("prod", production.body)
    page, readme = cost_figures.PAGE.read_text(), cost_figures.README.read_text()
    assert cost_figures.written(page, deployment, shipped()) == page, (
        "write it anew: python -m docs.cost_figures"
    )
    assert cost_figures.introduced(readme, deployment, shipped()) == readme


def test_the_picture_shows_the_amounts_in_the_tables(production, tmp_path):
    drawn = tmp_path / "cost.svg"
    cost_figures.draw(read_template("prod", production.body), shipped(), drawn)
    table = cost_figures.PAGE.read_text().partition("<!-- loads")[2].partition("<!-- end")[0]
    amounts = re.findall(r"^\| [\d,]+ \| ([\d,]+) \|", table, re.MULTILINE)
    assert len(amounts) == 2 * len(cost_figures.LOADS)
    for picture in (drawn, cost_figures.PICTURE):
        shown = re.findall(r"<!-- \$([\d,]+) -->", picture.read_text())
        assert shown == amounts, "write it anew: python -m docs.cost_figures"
