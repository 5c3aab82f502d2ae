"""Alarms are quiet on a new stack, and report what fails from the start."""

import json
from datetime import timedelta

import pytest

from cdk_app.constructs.monitoring.drift import heartbeat_silence
from cdk_app.constructs.platform.alarms import silence_periods
from local.alarms import evaluation
from local.alarms.evaluation import ALARM, INSUFFICIENT_DATA, OK, Alarm, Samples, evaluate

NOW = 1_800_000_000.0
MINUTE = 60.0
_NOTHING_WRONG = {
    # Metrics of a running stack without posts, minute by minute.
    "WindowPosts": 0.0,
    "LabelledPosts": 0.0,
    "Errors": 0.0,
    "Throttles": 0.0,
    "IteratorAge": 0.0,
    "ExecutionsFailed": 0.0,
    "ExecutionsTimedOut": 0.0,
    "ExecutionsAborted": 0.0,
    "ApproximateNumberOfMessagesVisible": 0.0,
    "PostsQuarantined": 0.0,
    "PartialBatchFailures": 0.0,
    "ServerErrors": 0.0,
    "5xx": 0.0,
    "ModelLoadFailures": 0.0,
}


def alarms(template):
    """The template's alarms, as the local stack reads deployed ones."""
    return {
        name: Alarm.from_description(
            alarm["Properties"] | {"AlarmName": name, "Dimensions": []}, ""
        )
        for name, alarm in template.resources("AWS::CloudWatch::Alarm").items()
    }


def put(value, seconds_ago):
    return Samples(NOW - seconds_ago, 1, value, value, value)


def test_no_alarm_fires_on_a_new_stack_without_data(any_stage):
    states = {
        name: evaluate(alarm, [], INSUFFICIENT_DATA, NOW).state
        for name, alarm in alarms(any_stage).items()
    }
    assert len(states) > 20
    assert {name for name, state in states.items() if state == ALARM} == set()


def test_no_alarm_fires_on_a_new_stack_without_posts(any_stage):
    watched = {alarm.metric_name for alarm in alarms(any_stage).values()}
    assert watched - _NOTHING_WRONG.keys() == {"DriftShare", "F1UpperBound", "PostsRead"}
    firing = {
        name
        for name, alarm in alarms(any_stage).items()
        if alarm.metric_name in _NOTHING_WRONG
        and evaluate(
            alarm,
            [put(_NOTHING_WRONG[alarm.metric_name], seconds) for seconds in (5, 65)],
            INSUFFICIENT_DATA,
            NOW,
        ).state
        == ALARM
    }
    assert firing == set()


def test_a_new_alarm_acts_only_when_it_fires(any_stage):
    """CloudWatch moves a new alarm from insufficient data to OK, which would send a message."""
    for alarm in any_stage.properties("AWS::CloudWatch::Alarm"):
        assert not alarm.get("OKActions")
        if alarm.get("InsufficientDataActions"):
            assert alarm["TreatMissingData"] == "missing"


@pytest.mark.parametrize(
    "prefix",
    [
        "ObservabilityDriftErrors",
        "ObservabilityPlanErrors",
        "ObservabilitySettleErrors",
        "ObservabilityMonitoringFailed",
        "ObservabilityDeadLetters",
    ],
)
def test_a_monitor_that_never_worked_is_reported_by_another_alarm(any_stage, prefix):
    """It fails on each invocation, or cannot be invoked: neither waits for a first success."""
    (alarm,) = [one for name, one in alarms(any_stage).items() if name.startswith(prefix)]
    assert evaluate(alarm, [put(1.0, 5)], INSUFFICIENT_DATA, NOW).state == ALARM
    (schedule,) = [
        one
        for name, one in any_stage.resources("AWS::Scheduler::Schedule").items()
        if name.startswith("MonitoringSchedule")
    ]
    assert "DeadLetters" in json.dumps(schedule["Properties"]["Target"]["DeadLetterConfig"])


WINDOWS = [minutes for minutes in range(5, 1441) if 1440 % minutes == 0]
WINDOWS = [minutes for minutes in WINDOWS if 60 % minutes == 0 or minutes % 60 == 0]


def heartbeat(window):
    period, periods = silence_periods(heartbeat_silence(window))
    return Alarm(
        name="heartbeat",
        namespace="Stresswatch",
        metric_name="WindowPosts",
        dimensions={},
        statistic="SampleCount",
        period=period * 60,
        evaluation_periods=periods,
        datapoints_to_alarm=periods,
        threshold=1,
        comparison="LessThanThreshold",
    )


def states_of(alarm, figures, minutes):
    """The alarm's states, minute by minute: values are put at a minute, with an earlier time."""
    state, states = INSUFFICIENT_DATA, []
    for minute in range(minutes):
        seen = [
            Samples(time * MINUTE, 1, 0.0, 0.0, 0.0) for put_at, time in figures if put_at <= minute
        ]
        state = evaluate(alarm, seen, state, minute * MINUTE).state
        states.append(state)
    return states


@pytest.mark.parametrize("extra", [0, 2])
@pytest.mark.parametrize("window", WINDOWS)
def test_the_heartbeat_is_ok_from_the_first_window_on(monkeypatch, window, extra):
    """With the shortest look-back of CloudWatch, and every second value ten minutes late."""
    monkeypatch.setattr(evaluation, "_EXTRA_WINDOWS", extra)
    ends = range(window, 6 * window, window)
    figures = [(end + (2, 12)[place % 2], end) for place, end in enumerate(ends)]
    states = states_of(heartbeat(window), figures, 6 * window)
    first = figures[0][0]
    assert set(states[:first]) == {INSUFFICIENT_DATA}
    assert set(states[first:]) == {OK}


@pytest.mark.parametrize("extra", [0, 2])
@pytest.mark.parametrize("window", [minutes for minutes in WINDOWS if minutes >= 60])
def test_a_dead_monitor_is_reported_within_two_windows(monkeypatch, window, extra):
    monkeypatch.setattr(evaluation, "_EXTRA_WINDOWS", extra)
    states = states_of(heartbeat(window), [(window + 2, window)], 4 * window)
    assert states[window + 2] == OK
    silent = states.index(INSUFFICIENT_DATA, window + 2)
    assert silent - window <= 2 * window + 1
    assert set(states[silent:]) == {INSUFFICIENT_DATA}, "told of once"


@pytest.mark.parametrize("minutes", [1, 5, 6, 7, 20, 60, 61, 90, 300, 1440, 2160])
def test_a_silence_is_split_into_valid_cloudwatch_periods(minutes):
    period, periods = silence_periods(timedelta(minutes=minutes))
    assert 1 <= periods <= 6
    assert minutes <= period * periods < minutes + period
    assert period * periods <= (1440 if period < 60 else 7 * 1440)
