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
def test_each_stage_is_accepted_in_a_supported_region(any_stage, region):
    check_region(region, kinds(any_stage))


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-east-1", "ap-south-2"])
def test_an_unavailable_resource_type_is_named_with_its_remedy(production, template, region):
    with pytest.raises(InvalidStage, match=rf"{region} does not have {GROUP} \(do without it: set"):
        check_region(region, kinds(production))
    check_region(region, kinds(template))  # without a registry


def test_a_misspelt_region_is_rejected(template):
    with pytest.raises(InvalidStage, match="cfn-lint does not know the region eu-west-11"):
        check_region("eu-west-11", kinds(template))


def test_every_remedy_is_for_a_resource_type_in_use(template, staging, production):
    every = kinds(template) | kinds(staging) | kinds(production) | {"AWS::Kinesis::StreamConsumer"}
    for start in REMEDIES:
        assert any(kind.startswith(start) for kind in every), start


def test_the_region_comes_from_cdk_or_the_aws_configuration(monkeypatch, tmp_path):
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


def test_synthesis_for_an_unsupported_region_is_rejected(monkeypatch, tmp_path):
    monkeypatch.setenv("STAGE", "staging")
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    monkeypatch.setattr("cdk_app.app.build_app", partial(build_app, **WITHOUT_BUNDLING))
    monkeypatch.setenv("CDK_DEFAULT_REGION", "cn-north-1")
    with pytest.raises(InvalidStage, match=r"set retraining\.registers_versions to False"):
        synthesize()


def test_arns_do_not_depend_on_the_partition(any_stage):
    assert "arn:aws:" not in json.dumps(any_stage.body)
