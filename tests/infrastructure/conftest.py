"""The synthesised templates, without the bundling of layers that only a deployment needs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cdk_app.app import build_app
from cdk_app.settings.stage import Stage
from verification.aws import templates

WITHOUT_BUNDLING = {"aws:cdk:bundling-stacks": []}
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
TRACING = {
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


PLAIN = Stage(name="test", retains_data=False, requires_byte_code=False)
"""A stage of defaults, for changing single settings."""


class Template:
    """A template, with shortcuts for inspection."""

    def __init__(self, body: dict[str, Any], *, is_protected: bool):
        self.body = body
        self.is_protected = is_protected

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type, by logical id."""
        return {
            name: resource
            for name, resource in self.body["Resources"].items()
            if resource["Type"] == kind
        }

    def properties(self, kind: str) -> list[dict[str, Any]]:
        return [resource["Properties"] for resource in self.resources(kind).values()]

    def one(self, kind: str, prefix: str) -> dict[str, Any]:
        """The properties of the one resource with this prefix in its logical id."""
        (resource,) = [r for name, r in self.resources(kind).items() if name.startswith(prefix)]
        return resource["Properties"]

    def statements(self, role_prefix: str) -> list[dict[str, Any]]:
        """Every statement of a role's policies."""
        return [
            statement
            for properties in self.properties("AWS::IAM::Policy")
            if any(role["Ref"].startswith(role_prefix) for role in properties["Roles"])
            for statement in properties["PolicyDocument"]["Statement"]
        ]

    def allowed(self, role_prefix: str) -> set[str]:
        """Every action that a role may do."""
        return {
            action for statement in self.statements(role_prefix) for action in actions(statement)
        }


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def synthesize(stage: str, folder: Path, **context: object) -> Template:
    assembly = build_app(str(folder), stage=stage, **WITHOUT_BUNDLING, **context).synth()
    (stack,) = assembly.stacks
    return Template(stack.template, is_protected=bool(stack.termination_protection))


def said_at_synthesis(folder: Path) -> list[str]:
    """The messages of the synthesis to its user, which CDK's command prints."""
    entries = [
        entry
        for file in folder.glob("*.metadata.json")
        for of_construct in json.loads(file.read_text()).values()
        for entry in of_construct
    ]
    return [entry["data"] for entry in entries if entry["type"] == "aws:cdk:info"]


@pytest.fixture(scope="session")
def assembly_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("assembly")


@pytest.fixture(scope="session")
def template(assembly_folder):
    return synthesize("dev", assembly_folder)


@pytest.fixture(scope="session")
def staging(tmp_path_factory):
    return synthesize("staging", tmp_path_factory.mktemp("staging"))


@pytest.fixture(params=["template", "staging", "production"])
def any_stage(request):
    """The template of each stage in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def production(tmp_path_factory):
    return synthesize("prod", tmp_path_factory.mktemp("production"))


@pytest.fixture(scope="session")
def workflow(template) -> dict[str, Any]:
    return states(template)


def states(template: Template) -> dict[str, Any]:
    return dict(definition(template)["States"])


def definition(template: Template) -> dict[str, Any]:
    """The retraining workflow; values known only to a deployment read ``{Id}``."""
    parts = template.one("AWS::StepFunctions::StateMachine", "Retraining")["DefinitionString"]
    text = "".join(
        part if isinstance(part, str) else "{" + json.dumps(part).replace('"', "'") + "}"
        for part in parts["Fn::Join"][1]
    )
    return dict(json.loads(text))


@pytest.fixture
def prod(production: Template) -> templates.Template:
    """A copy of production's template, for adding faults."""
    return templates.Template("prod", copy.deepcopy(production.body))


@pytest.fixture
def dev(template: Template) -> templates.Template:
    """A copy of the development stage's template, for adding faults."""
    return templates.Template("dev", copy.deepcopy(template.body))


def one(template: templates.Template, kind: str, prefix: str = "") -> dict[str, Any]:
    """The properties of one resource of a type."""
    found: dict[str, Any] = next(
        resource["Properties"]
        for name, resource in template.resources(kind).items()
        if name.startswith(prefix)
    )
    return found
