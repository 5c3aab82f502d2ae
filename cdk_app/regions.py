"""Where a stage can be deployed: in regions that have every type of resource that it is made of."""

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
"""The setting that does without a type, by the beginning of its name."""
_VARIABLES = ("CDK_DEFAULT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")


def region_of(environment: Mapping[str, str]) -> str | None:
    """Return the region of the environment, as CDK's and AWS's command lines read it.

    It is that of a variable, or else of AWS's configuration file.
    """
    named = next((environment[name] for name in _VARIABLES if environment.get(name)), None)
    return named or Session().region_name


def check_region(region: str, kinds: Iterable[str]) -> None:
    """Compare types of resources with those of a region.

    CloudFormation's own registry says which they are; cfn-lint ships it for each region.

    Raises
    ------
    InvalidStage
        When the region is unknown, or lacks a type; the sentence has each with its remedy.
    """
    if region not in REGIONS:
        raise InvalidStage(
            f"{region} is no region that cfn-lint knows. Is it misspelt? If it is new, a newer "
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
