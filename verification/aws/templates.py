"""The synthesised templates, with values of their functions as on AWS."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cdk_app.app import build_app
from cdk_app.settings.stage import LONGEST_NAME, Stage
from cdk_app.settings.stages import STAGES
from stresswatch.aws.stack_outputs import stack_name

REGION, ACCOUNT = "us-east-1", "123456789012"
_WITHOUT_BUNDLING: Mapping[str, list[str]] = {"aws:cdk:bundling-stacks": []}
_SUBSTITUTED = re.compile(r"\$\{([^!}][^}]*)\}")

# By type: the ARN after the account, or the whole ARN. Names are logical ids.
_ARNS: Mapping[str, str] = {
    "AWS::ApiGatewayV2::Api": "arn:aws:apigateway:{region}::/apis/{name}",
    "AWS::Athena::WorkGroup": "arn:aws:athena:{region}:{account}:workgroup/{name}",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CodeDeploy::Application": "arn:aws:codedeploy:{region}:{account}:application:{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:{region}:{account}:stream/{name}",
    "AWS::Kinesis::StreamConsumer": (
        "arn:aws:kinesis:{region}:{account}:stream/stream/consumer/{name}:1"
    ),
    "AWS::Lambda::Alias": "arn:aws:lambda:{region}:{account}:function:function:{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::Version": "arn:aws:lambda:{region}:{account}:function:{name}:1",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SSM::Parameter": "arn:aws:ssm:{region}:{account}:parameter/{name}",
    "AWS::SageMaker::ModelPackageGroup": (
        "arn:aws:sagemaker:{region}:{account}:model-package-group/{name}"
    ),
    "AWS::Scheduler::Schedule": "arn:aws:scheduler:{region}:{account}:schedule/default/{name}",
    "AWS::Scheduler::ScheduleGroup": "arn:aws:scheduler:{region}:{account}:schedule-group/{name}",
    "AWS::SecretsManager::Secret": (
        "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf"
    ),
    "AWS::StepFunctions::StateMachine": ("arn:aws:states:{region}:{account}:stateMachine:{name}"),
}
_REF_IS_ARN = frozenset(
    {
        "AWS::Lambda::Alias",
        "AWS::Lambda::Version",
        "AWS::SNS::Topic",
        "AWS::SecretsManager::Secret",
        "AWS::StepFunctions::StateMachine",
    }
)
_ARN_ATTRIBUTES = frozenset({("AWS::SecretsManager::Secret", "Id")})
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": None,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": (
        f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/stack/41dbaa81-0417-4fa8-8dfc-970dae7d81dc"
    ),
    "AWS::URLSuffix": "amazonaws.com",
}


class UnknownIntrinsic(ValueError):
    """A template function that is not supported here."""


@dataclass(frozen=True)
class Template:
    """One stage's template.

    Attributes
    ----------
    stage : str
        The stage's name.
    body : mapping
        The synthesised template.
    """

    stage: str
    body: Mapping[str, Any]

    def resources(self, kind: str) -> dict[str, Any]:
        """Return the resources of a type, by logical id."""
        return {name: one for name, one in self.body["Resources"].items() if one["Type"] == kind}

    def properties(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Return logical ids of a type and their properties, resolved."""
        for name, one in self.resources(kind).items():
            yield name, self.resolve(one.get("Properties", {}))

    def resolve(self, value: Any) -> Any:
        """Return a value as on AWS, with sample names for resources that do not exist yet.

        Raises
        ------
        UnknownIntrinsic
        """
        match value:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(str(self.resolve(part)) for part in parts)
            case {"Fn::Sub": str(text)}:
                return _SUBSTITUTED.sub(lambda found: self._substitute(found[1]), text)
            case {"Fn::Select": [place, parts]}:
                return self.resolve(parts)[int(place)]
            case {"Fn::Split": [separator, text]}:
                return self.resolve(text).split(separator)
            case {"Fn::If": [_, then, _]}:
                return self.resolve(then)
            case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
                raise UnknownIntrinsic(f"{self.stage}: {json.dumps(value)} is not read here")
            case dict():
                return {key: self.resolve(one) for key, one in value.items()}
            case list():
                return [self.resolve(one) for one in value]
        return value

    def _substitute(self, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return str(self._attribute(resource, attribute) if attribute else self._reference(name))

    def _reference(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name == "AWS::StackName":
            return stack_name(self.stage)
        if name in self.body.get("Parameters", {}):
            return self.body["Parameters"][name].get("Default", name)
        kind = self.body["Resources"][name]["Type"]
        return self._arn(name) if kind in _REF_IS_ARN else self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self.body["Resources"][name]["Type"]
        if attribute.endswith("Arn") or (kind, attribute) in _ARN_ATTRIBUTES:
            return self._arn(name)
        return f"{self._name(name)}.{attribute}"

    def _arn(self, name: str) -> str:
        kind = self.body["Resources"][name]["Type"]
        if kind not in _ARNS:
            raise UnknownIntrinsic(f"{self.stage}: the form of an ARN of {kind} is not known here")
        return _ARNS[kind].format(region=REGION, account=ACCOUNT, name=self._name(name).lstrip("/"))

    def _name(self, name: str) -> str:
        """Return a resource's fixed name, if any, or its logical id."""
        properties = self.body["Resources"][name].get("Properties", {})
        kind = self.body["Resources"][name]["Type"].rpartition("::")[2]
        given = properties.get(f"{kind}Name", properties.get("Name"))
        return str(self.resolve(given)) if given else name


def synthesize(stage: Stage) -> Template:
    """Return the template of a stage, without packages for a deployment."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = build_app(folder, stage=stage, **_WITHOUT_BUNDLING).synth()
        (stack,) = assembly.stacks
        return Template(stage.name, stack.template)


def longest_named() -> Stage:
    """Return production with the longest possible stage name."""
    return STAGES["prod"].changed(name="a" * LONGEST_NAME)
