"""Check that a region has every resource type of a stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from boto3.session import Session
from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from cdk_app.settings.errors import InvalidStage

REMEDIES = {
    "AWS::SageMaker::ModelPackageGroup": "retraining.registers_versions to False",
    "AWS::ApiGatewayV2::": "web_service to None",
    "AWS::CodeDeploy::": "serving.canary_minutes to 0",
    "AWS::Kinesis::StreamConsumer": "streaming.enhanced_fan_out to False",
}
"""Setting that avoids a resource type, by the type's prefix."""
_VARIABLES = ("CDK_DEFAULT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")


def region_of(environment: Mapping[str, str]) -> str | None:
    """Return the region of the environment, as the CLIs of CDK and AWS read it.

    It is from a variable, or else from AWS's configuration file.
    """
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), None)
    return named or Session().region_name


def check_region(region: str, kinds: Iterable[str]) -> None:
    """Check resource types against those of a region.

    cfn-lint ships CloudFormation's registry for each region.

    Raises
    ------
    InvalidStage
        When the region is unknown or lacks a type; the message has each with its remedy.
    """
    if region not in REGIONS:
        raise InvalidStage(
            f"cfn-lint does not know the region {region}. Is it misspelt? If it is new, a newer "
            "cfn-lint knows it: make lock"
        )
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    lacking = sorted({kind for kind in kinds if kind.startswith("AWS::")} - known - _OF_CDK)
    if lacking:
        raise InvalidStage(
            f"{region} does not have {', '.join(map(_with_remedy, lacking))}; deploy the stage to "
            "another region, or change the setting in cdk_app/settings/stages.py"
        )


_OF_CDK = {"AWS::CDK::Metadata"}


def _with_remedy(kind: str) -> str:
    remedy = next((how for start, how in REMEDIES.items() if kind.startswith(start)), None)
    return f"{kind} (do without it: set {remedy})" if remedy else kind
