"""Alarm events, and a rule's input for its targets."""

import json
from datetime import UTC, datetime
from typing import Any

from local.alarms.evaluation import Alarm
from local.alarms.events import alarm_event, target_input

ALARM_ARN = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:drift"
RULE = {"Name": "retrain", "Arn": "arn:aws:events:us-east-1:000000000000:rule/retrain"}
ALARM = Alarm(
    name="drift",
    namespace="Stresswatch",
    metric_name="DriftShare",
    dimensions={"Stage": "dev"},
    statistic="Maximum",
    period=3600,
    evaluation_periods=1,
    datapoints_to_alarm=1,
    threshold=0.5,
    comparison="GreaterThanOrEqualToThreshold",
)


def description(state: str, reason: str, minute: int) -> dict[str, Any]:
    return {
        "AlarmName": "drift",
        "AlarmArn": ALARM_ARN,
        "AlarmDescription": "Many columns have moved.",
        "StateValue": state,
        "StateReason": reason,
        "StateUpdatedTimestamp": datetime(2026, 11, 23, 15, minute, tzinfo=UTC),
    }


EVENT = alarm_event(
    ALARM,
    description("ALARM", 'a "crossed" threshold', 10),
    description("OK", "quiet", 0),
    "us-east-1",
)


def test_the_event_has_the_documented_shape() -> None:
    event = json.loads(json.dumps(EVENT))
    del event["id"], event["time"], event["detail"]["configuration"]["metrics"][0]["id"]
    assert event == {
        "version": "0",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": "000000000000",
        "region": "us-east-1",
        "resources": [ALARM_ARN],
        "detail": {
            "alarmName": "drift",
            "state": {
                "value": "ALARM",
                "reason": 'a "crossed" threshold',
                "timestamp": "2026-11-23T15:10:00.000+0000",
            },
            "previousState": {
                "value": "OK",
                "reason": "quiet",
                "timestamp": "2026-11-23T15:00:00.000+0000",
            },
            "configuration": {
                "description": "Many columns have moved.",
                "metrics": [
                    {
                        "metricStat": {
                            "metric": {
                                "namespace": "Stresswatch",
                                "name": "DriftShare",
                                "dimensions": {"Stage": "dev"},
                            },
                            "period": 3600,
                            "stat": "Maximum",
                        },
                        "returnData": True,
                    }
                ],
            },
        },
    }


def test_a_target_without_input_gets_the_event() -> None:
    assert json.loads(target_input({}, EVENT, RULE)) == EVENT


def test_a_target_gets_the_rules_own_input() -> None:
    assert target_input({"Input": '{"a": 1}'}, EVENT, RULE) == '{"a": 1}'


def test_a_target_gets_the_part_selected_by_its_input_path() -> None:
    found = target_input({"InputPath": "$.detail.state.value"}, EVENT, RULE)
    assert json.loads(found) == "ALARM"


def transformed(template: str, **paths: str) -> str:
    transformer = {"InputPathsMap": paths, "InputTemplate": template}
    return target_input({"InputTransformer": transformer}, EVENT, RULE)


def test_a_transformer_puts_values_into_json() -> None:
    found = transformed(
        '{"trigger":"drift_alarm","reason":<reason>,"state":<state>}',
        reason="$.detail.state.reason",
        state="$.detail.state",
    )
    assert json.loads(found) == {
        "trigger": "drift_alarm",
        "reason": 'a "crossed" threshold',
        "state": EVENT["detail"]["state"],
    }


def test_a_transformer_puts_text_into_strings() -> None:
    found = transformed(
        '{"text": "<name> is <value>"}', name="$.detail.alarmName", value="$.version"
    )
    assert json.loads(found) == {"text": "drift is 0"}


def test_a_transformer_can_refer_to_the_rule_and_the_event() -> None:
    found = json.loads(
        transformed('{"rule": <aws.events.rule-name>, "event": <aws.events.event.json>}')
    )
    assert found == {"rule": "retrain", "event": EVENT}


def test_a_path_without_a_match_gives_an_empty_string() -> None:
    assert json.loads(transformed('{"x": <x>}', x="$.detail.nothing.there")) == {"x": ""}
