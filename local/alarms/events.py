"""Alarm events: CloudWatch's events for EventBridge, and their delivery to a rule's targets.

`PutEvents` rejects the source `aws.cloudwatch`, as on AWS. So `TestEventPattern` finds the matching
rules, and this module starts their targets under the target's own role.

References
----------
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.alarms.evaluation import Alarm
from local.endpoint import ACCOUNT, Endpoint, Role

log = logging.getLogger(__name__)

_STRING_OR_VARIABLE = re.compile(r'"(?:\\.|[^"\\])*"|<[^<>]*>')
_VARIABLE = re.compile(r"<([^<>]*)>")


def alarm_event(
    alarm: Alarm, description: Mapping[str, Any], previous: Mapping[str, Any], region: str
) -> dict[str, Any]:
    """Build the event "CloudWatch Alarm State Change".

    Parameters
    ----------
    alarm
        The alarm's configuration.
    description, previous
        The results of `DescribeAlarms` after and before the change.
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [description["AlarmArn"]],
        "detail": {
            "alarmName": alarm.name,
            "state": _state(description),
            "previousState": _state(previous),
            "configuration": {
                "description": description.get("AlarmDescription", ""),
                "metrics": [
                    {
                        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, description["AlarmArn"])),
                        "metricStat": {
                            "metric": {
                                "namespace": alarm.namespace,
                                "name": alarm.metric_name,
                                "dimensions": dict(alarm.dimensions),
                            },
                            "period": alarm.period,
                            "stat": alarm.statistic,
                        },
                        "returnData": True,
                    }
                ],
            },
        },
    }


def _state(description: Mapping[str, Any]) -> dict[str, Any]:
    changed: datetime = description["StateUpdatedTimestamp"]
    return {
        "value": description["StateValue"],
        "reason": description["StateReason"],
        "timestamp": f"{changed.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000+0000}",
    }


def target_input(
    target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any]
) -> str:
    """Return a rule target's input as JSON text: the event, or its transformation."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(event, target["InputPath"]))
    if "InputTransformer" in target:
        return _transform(target["InputTransformer"], event, rule)
    return json.dumps(event)


def _transform(
    transformer: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any]
) -> str:
    """Fill a template's variables: as JSON values, or unquoted within a string."""
    values = {
        "aws.events.rule-arn": rule["Arn"],
        "aws.events.rule-name": rule["Name"],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event.json": event,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
    }
    for name, path in transformer.get("InputPathsMap", {}).items():
        values[name] = _at(event, path)

    def within_string(match: re.Match[str]) -> str:
        value = values.get(match[1], match[0])
        return value if isinstance(value, str) else json.dumps(value).replace('"', "")

    def as_value(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return _VARIABLE.sub(within_string, match[0])
        return json.dumps(values[match[0][1:-1]]) if match[0][1:-1] in values else match[0]

    return _STRING_OR_VARIABLE.sub(as_value, transformer["InputTemplate"])


def _at(event: Any, path: str) -> Any:
    """Follow a path such as `$.detail.state.reason`; return an empty string if it is missing."""
    for name in path.removeprefix("$").split("."):
        if not name:
            continue
        if not isinstance(event, dict) or name not in event:
            return ""
        event = event[name]
    return event


def route(event: Mapping[str, Any], endpoint: Endpoint) -> None:
    """Start the targets of every rule that matches the event."""
    events = endpoint.client("events")
    for page in events.get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            pattern = rule.get("EventPattern")
            if not pattern or rule.get("State") != "ENABLED":
                continue
            if events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
                for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                    _start(target, event, rule, endpoint)


def _start(
    target: Mapping[str, Any],
    event: Mapping[str, Any],
    rule: Mapping[str, Any],
    endpoint: Endpoint,
) -> None:
    if ":states:" not in target["Arn"]:
        log.error("the rule %s has a target that is not a state machine", rule["Name"])
        return
    try:
        Role(endpoint, target["RoleArn"]).client("stepfunctions").start_execution(
            stateMachineArn=target["Arn"],
            name=event["id"],
            input=target_input(target, event, rule),
        )
    except (BotoCoreError, ClientError) as error:
        log.exception("the target of the rule %s was not started", rule["Name"])
        _send_to_dead_letters(target, event, rule, endpoint, error)


def _send_to_dead_letters(
    target: Mapping[str, Any],
    event: Mapping[str, Any],
    rule: Mapping[str, Any],
    endpoint: Endpoint,
    error: Exception,
) -> None:
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    if not queue_arn:
        return
    attributes = {
        "RULE_ARN": rule["Arn"],
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": type(error).__name__,
        "ERROR_MESSAGE": str(error),
    }
    queues = endpoint.client("sqs")
    url = queues.get_queue_url(QueueName=queue_arn.rpartition(":")[2])["QueueUrl"]
    queues.send_message(
        QueueUrl=url,
        MessageBody=json.dumps(event),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )
