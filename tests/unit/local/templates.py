"""Small templates for the tests of the rewrites."""

from typing import Any

from local.template.resources import RewriteContext

NOTHING = RewriteContext()


def template(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": resources, "Outputs": {"Kept": {"Value": "as it is"}}}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def get_attribute(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def image_uri(tag: str) -> dict[str, Any]:
    return {"Fn::Sub": f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/r:{tag}"}
