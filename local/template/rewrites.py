"""All differences between the synthesised template and the local one.

Each rewrite is a function from a template to a template that changes one thing for one reason; the
input stays unchanged. `REWRITES` has them in order. Where a rewrite removes a feature because of
the emulator (`ministack`), `local/` provides it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from local.template.resources import (
    RUNTIME,
    RewriteContext,
    Template,
    code_of,
    map_references,
    resources_of,
    without,
)
from local.template.training_rewrite import train_with_a_function
from stresswatch.settled.windows import SCHEDULED_TIME

ALARM_NAMESPACE_PREFIX = "local:"
_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def disable_kinesis_mappings(template: Template, _: RewriteContext) -> Template:
    """Deploy Kinesis event source mappings disabled: `local.event_source_mapping.poller` polls.

    The emulator's own polling ignores partial batch responses, bisecting, retry limits, record
    age, batching windows and failure destinations, and therefore loses records.
    """
    changed = copy.deepcopy(template)
    for mapping in kinesis_mappings(changed).values():
        mapping["Properties"]["Enabled"] = False
    return changed


def hide_metrics_from_alarms(template: Template, _: RewriteContext) -> Template:
    """Let alarms watch an empty namespace: `local.alarms.watch` evaluates them.

    The emulator evaluates an alarm after every metric, and ignores dimensions, periods, M of N and
    missing data. Readers of the alarm remove the prefix again.
    """
    changed = copy.deepcopy(template)
    for _name, alarm in resources_of(changed, "AWS::CloudWatch::Alarm"):
        properties = alarm["Properties"]
        if "Namespace" in properties:
            properties["Namespace"] = ALARM_NAMESPACE_PREFIX + properties["Namespace"]
    return changed


def run_image_functions_from_zip(template: Template, context: RewriteContext) -> Template:
    """Run functions with container images from a zip of the same code.

    The emulator runs images only with Docker. The emulator's interpreter has the packages that the
    image installs.
    """
    changed = copy.deepcopy(template)
    for _name, function in resources_of(changed, "AWS::Lambda::Function"):
        properties = function["Properties"]
        if properties.get("PackageType") != "Image":
            continue
        code = code_of(properties["Code"]["ImageUri"], context)
        properties.pop("PackageType")
        command = properties.pop("ImageConfig", {}).get("Command")
        properties |= {
            "Code": {"S3Bucket": code.bucket, "S3Key": code.key},
            "Handler": command[0] if command else code.handler,
            "Runtime": RUNTIME,
        }
    return changed


def leave_out_foreign_layers(template: Template, context: RewriteContext) -> Template:
    """Remove layers of third-party packages: they are built for arm64 and Python 3.13.

    The emulator's interpreter has the same packages in the same versions.
    """
    changed = copy.deepcopy(template)
    foreign = {
        name
        for name, layer in resources_of(changed, "AWS::Lambda::LayerVersion")
        if layer["Properties"]["Content"].get("S3Key") in context.foreign_layers
    }
    changed = without(changed, foreign)
    for _name, function in resources_of(changed, "AWS::Lambda::Function"):
        layers = function["Properties"].get("Layers", [])
        function["Properties"]["Layers"] = [
            layer for layer in layers if layer.get("Ref") not in foreign
        ]
    return changed


def allow_plain_http(template: Template, _: RewriteContext) -> Template:
    """Drop the statements that deny requests without TLS.

    The emulator listens locally without TLS, and would deny every request.
    """
    changed = copy.deepcopy(template)
    emptied: set[str] = set()
    for kind in ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"):
        for name, policy in resources_of(changed, kind):
            document = policy["Properties"]["PolicyDocument"]
            document["Statement"] = [
                statement
                for statement in document["Statement"]
                if statement.get("Condition") != _WITHOUT_TLS
            ]
            if not document["Statement"]:
                emptied.add(name)
    return without(changed, emptied)


def leave_out_metric_namespaces(template: Template, _: RewriteContext) -> Template:
    """Drop the condition that bounds `PutMetricData` to a namespace.

    The emulator does not support the key `cloudwatch:namespace`, and would deny every metric.
    """
    changed = copy.deepcopy(template)
    for _name, policy in resources_of(changed, "AWS::IAM::Policy"):
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if "cloudwatch:namespace" in json.dumps(statement.get("Condition", {})):
                del statement["Condition"]
    return changed


def leave_out_saved_queries(template: Template, _: RewriteContext) -> Template:
    """Remove the saved queries of Athena.

    The emulator has Athena, but rejects templates with this resource type.
    """
    queries = {name for name, _query in resources_of(template, "AWS::Athena::NamedQuery")}
    return without(copy.deepcopy(template), queries)


def start_schedules_by_rules(template: Template, _: RewriteContext) -> Template:
    """Replace schedules of EventBridge Scheduler by scheduled rules of EventBridge.

    The emulator's Scheduler checks every ten seconds, and does not fill in the scheduled time in
    the target's input. A rule's event has the time under the same name, `time`.
    """
    changed = copy.deepcopy(template)
    for name, schedule in resources_of(changed, "AWS::Scheduler::Schedule"):
        properties = schedule["Properties"]
        target = dict(properties["Target"])
        given = target.pop("Input", None)
        if given is not None:
            target |= _input_of_rule(given)
        changed["Resources"][name] = schedule | {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Description": properties.get("Description", ""),
                "ScheduleExpression": properties["ScheduleExpression"],
                "State": properties.get("State", "ENABLED"),
                "Targets": [{"Id": "Target0", **target}],
            },
        }
    return changed


def leave_out_canaries(template: Template, _: RewriteContext) -> Template:
    """Let callers of an alias call its function, and remove the deployments of aliases.

    The emulator has no CodeDeploy. New code takes over at once, as with `make deploy FORCE=1`, so
    the alarms on single versions have nothing to watch.
    """
    served = {
        name: alias["Properties"]["FunctionName"]["Ref"]
        for name, alias in resources_of(template, "AWS::Lambda::Alias")
    }
    versions = {name for name, _version in resources_of(template, "AWS::Lambda::Version")}
    of_versions = {
        name
        for name, alarm in resources_of(template, "AWS::CloudWatch::Alarm")
        if any(version in json.dumps(alarm["Properties"]) for version in versions)
    }
    moving = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"].startswith("AWS::CodeDeploy::")
    }
    left = without(copy.deepcopy(template), {*served, *versions, *of_versions, *moving})
    changed: Template = map_references(
        left, lambda name: {"Fn::GetAtt": [served[name], "Arn"]} if name in served else None
    )
    return changed


def address_apis_by_path(template: Template, context: RewriteContext) -> Template:
    """Replace an HTTP API's endpoint in outputs with a path of the emulator's address.

    The emulator gives each API its own host name, as AWS does, but this does not resolve locally.
    """
    changed = copy.deepcopy(template)
    for output in changed.get("Outputs", {}).values():
        match output["Value"]:
            case {"Fn::GetAtt": [str(name), "ApiEndpoint"]}:
                base = f"{context.endpoint_url}/_aws/execute-api/"
                output["Value"] = {"Fn::Join": ["", [base, {"Ref": name}]]}
    return changed


Rewrite = Callable[[Template, RewriteContext], Template]

REWRITES: tuple[Rewrite, ...] = (
    disable_kinesis_mappings,
    hide_metrics_from_alarms,
    run_image_functions_from_zip,
    leave_out_foreign_layers,
    allow_plain_http,
    leave_out_metric_namespaces,
    leave_out_saved_queries,
    start_schedules_by_rules,
    leave_out_canaries,
    address_apis_by_path,
    train_with_a_function,
)


def rewrite(template: Template, context: RewriteContext) -> Template:
    """Apply every rewrite."""
    for step in REWRITES:
        template = step(template, context)
    return template


def kinesis_mappings(template: Template) -> Template:
    """Return the enabled event source mappings that read Kinesis streams, by logical id."""
    return {
        name: mapping
        for name, mapping in resources_of(template, "AWS::Lambda::EventSourceMapping")
        if mapping["Properties"].get("Enabled", True)
        and _is_kinesis(template, mapping["Properties"].get("EventSourceArn"))
    }


def _is_kinesis(template: Template, source: Any) -> bool:
    match source:
        case {"Fn::GetAtt": [str(name), *_]}:
            return bool(template["Resources"][name]["Type"] == "AWS::Kinesis::Stream")
        case _:
            return ":kinesis:" in json.dumps(source)


def _input_of_rule(given: str) -> dict[str, Any]:
    """Return the same input for a rule: the scheduled time is the event's time."""
    if SCHEDULED_TIME not in given:
        return {"Input": given}
    return {
        "InputTransformer": {
            "InputPathsMap": {"time": "$.time"},
            "InputTemplate": given.replace(f'"{SCHEDULED_TIME}"', "<time>"),
        }
    }
