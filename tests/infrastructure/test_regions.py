"""The deployment stops early if a stage's region lacks a type of resource."""

import json
from functools import partial

import pytest

from cdk_app.app import build_app, synthesize
from cdk_app.regions import REMEDIES, check_region, region_of
from cdk_app.settings.errors import InvalidStage
from tests.infrastructure.conftest import WITHOUT_BUNDLING

SUPPORTED = (
    "us-east-1",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "ap-northeast-1",
    "us-gov-west-1",
)
GROUP = "AWS::SageMaker::ModelPackageGroup"


def kinds(template):
    return {resource["Type"] for resource in template.body["Resources"].values()}


@pytest.mark.parametrize("region", SUPPORTED)
def test_each_stage_is_taken_by_a_region_that_has_all_of_it(any_stage, region):
    check_region(region, kinds(any_stage))


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-east-1", "ap-south-2"])
def test_what_a_region_lacks_is_named_with_the_setting_that_does_without(
    production, template, region
):
    with pytest.raises(InvalidStage, match=rf"{region} does not have {GROUP} \(do without it: set"):
        check_region(region, kinds(production))
    check_region(region, kinds(template))  # without a registry


def test_a_region_that_is_misspelt_is_refused(template):
    with pytest.raises(InvalidStage, match="cfn-lint does not know the region eu-west-11"):
        check_region("eu-west-11", kinds(template))


def test_every_remedy_is_for_a_type_that_some_stage_has(template, staging, production):
    every = kinds(template) | kinds(staging) | kinds(production) | {"AWS::Kinesis::StreamConsumer"}
    for start in REMEDIES:
        assert any(kind.startswith(start) for kind in every), start


def test_the_region_is_that_of_cdks_command_or_else_awss(monkeypatch, tmp_path):
    everywhere = {"AWS_DEFAULT_REGION": "c", "AWS_REGION": "b", "CDK_DEFAULT_REGION": "a"}
    assert region_of(everywhere) == "a"
    assert region_of({"AWS_DEFAULT_REGION": "c", "AWS_REGION": ""}) == "c"
    for name in everywhere:
        monkeypatch.delenv(name, raising=False)
    configuration = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    assert region_of({}) is None
    configuration.write_text("[default]\nregion = eu-west-1\n")
    assert region_of({}) == "eu-west-1"


def test_a_synthesis_for_a_region_that_lacks_something_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("STAGE", "staging")
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setattr("cdk_app.app.build_app", partial(build_app, **WITHOUT_BUNDLING))
    monkeypatch.setenv("CDK_DEFAULT_REGION", "cn-north-1")
    with pytest.raises(InvalidStage, match=r"set retraining\.registers_versions to False"):
        synthesize()


def test_no_arn_is_of_one_partition_alone(any_stage):
    assert "arn:aws:" not in json.dumps(any_stage.body)
