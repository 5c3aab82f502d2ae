"""State changes of an alarm: the tables of CloudWatch's documentation, and windows."""

import pytest

from local.alarms.evaluation import (
    ALARM,
    INSUFFICIENT_DATA,
    OK,
    Alarm,
    AlarmState,
    Samples,
    datapoints,
    evaluate,
)
from local.errors import UnsupportedTemplate

NOW = 1_800_000_000.0
PERIOD = 60
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RETAIN = "as it is"


def make_alarm(
    needed: int = 1,
    periods: int = 1,
    missing_data: str = "missing",
    *,
    statistic: str = "Maximum",
    comparison: str = "GreaterThanOrEqualToThreshold",
) -> Alarm:
    return Alarm(
        name="drift",
        namespace="Stresswatch",
        metric_name="DriftShare",
        dimensions={"Stage": "dev"},
        statistic=statistic,
        period=PERIOD,
        evaluation_periods=periods,
        datapoints_to_alarm=needed,
        threshold=0.5,
        comparison=comparison,
        missing_data=missing_data,
    )


def put(value: float, seconds_ago: float) -> Samples:
    return Samples(NOW - seconds_ago, 1, value, value, value)


def series(text: str) -> list[Samples]:
    """Read the documentation's notation, oldest first: 0 within, X breaching, - missing."""
    values = {"0": 0.0, "X": 1.0}
    return [
        put(values[mark], PERIOD * age + PERIOD / 2)
        for age, mark in enumerate(reversed(text.split()))
        if mark != "-"
    ]


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("0 - X - X", (OK, OK, OK, OK)),
        ("0 - - - -", (OK, OK, OK, OK)),
        ("- - - - -", (INSUFFICIENT_DATA, RETAIN, ALARM, OK)),
        ("0 X X - X", (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", (ALARM, RETAIN, ALARM, OK)),
    ],
)
def test_three_out_of_three_datapoints_are_evaluated_as_documented(
    marks: str, expected: tuple[str, ...]
) -> None:
    _check(marks, expected, needed=3)


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ("0 - X - X", (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", (OK, OK, ALARM, OK)),
        ("- - - - 0", (OK, OK, ALARM, OK)),
        ("- - - X -", (ALARM, RETAIN, ALARM, OK)),
    ],
)
def test_two_out_of_three_datapoints_are_evaluated_as_documented(
    marks: str, expected: tuple[str, ...]
) -> None:
    _check(marks, expected, needed=2)


def _check(marks: str, expected: tuple[str, ...], needed: int) -> None:
    for treatment, state in zip(TREATMENTS, expected, strict=True):
        alarm = make_alarm(needed, 3, treatment)
        for current in (OK, ALARM, INSUFFICIENT_DATA):
            verdict = evaluate(alarm, series(marks), current, NOW)
            assert verdict.state == (current if state == RETAIN else state), (treatment, current)


def test_a_two_of_three_alarm_persists_until_two_windows_are_ok() -> None:
    alarm, state, states = make_alarm(2, 3, "notBreaching"), OK, []
    marks = "0 X 0 0 X X 0 X 0 0".split()
    for end in range(1, len(marks) + 1):
        state = evaluate(alarm, series(" ".join(marks[:end])), state, NOW).state
        states.append("X" if state == ALARM else "0")
    assert " ".join(states) == "0 0 0 0 0 X X X 0 0"


def test_one_of_two_required_breaches_does_not_raise_an_alarm() -> None:
    assert evaluate(make_alarm(2, 3), series("- - - - X"), OK, NOW).state == OK


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("SampleCount", 5), ("Sum", 10), ("Average", 2), ("Minimum", 1), ("Maximum", 4)],
)
def test_the_statistic_covers_all_values_in_the_window(statistic: str, value: float) -> None:
    sets = [Samples(NOW - 1, 2, 5, 1, 4), Samples(NOW - 50, 3, 5, 1, 2)]
    (point,) = datapoints(make_alarm(statistic=statistic), sets, NOW)
    assert point.value == value


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanOrEqualToThreshold", {0.5, 0.6}),
        ("GreaterThanThreshold", {0.6}),
        ("LessThanThreshold", {0.4}),
        ("LessThanOrEqualToThreshold", {0.4, 0.5}),
    ],
)
def test_each_comparison_operator_treats_the_threshold_correctly(
    comparison: str, breaching: set[float]
) -> None:
    alarm = make_alarm(comparison=comparison)
    found = {
        value
        for value in (0.4, 0.5, 0.6)
        if evaluate(alarm, [put(value, 1)], OK, NOW).state == ALARM
    }
    assert found == breaching


def test_windows_end_now_rather_than_at_a_period_boundary() -> None:
    alarm = make_alarm()
    samples = [put(1.0, PERIOD - 1), put(0.0, PERIOD + 1)]
    assert [point.value for point in datapoints(alarm, samples, NOW)] == [1.0, 0.0]


def test_a_new_value_counts_at_once() -> None:
    assert evaluate(make_alarm(), [put(1.0, 0)], OK, NOW).state == ALARM


def test_an_alarm_stays_while_its_last_value_is_recent() -> None:
    alarm = make_alarm(missing_data="notBreaching")
    assert evaluate(alarm, [put(1.0, 2.5 * PERIOD)], ALARM, NOW).state == ALARM
    assert evaluate(alarm, [put(1.0, 3.5 * PERIOD)], ALARM, NOW).state == OK


def test_a_missing_heartbeat_raises_an_alarm() -> None:
    heartbeat = make_alarm(
        missing_data="breaching", statistic="SampleCount", comparison="LessThanThreshold"
    )
    assert evaluate(heartbeat, [put(300, 30)], OK, NOW).state == OK
    assert evaluate(heartbeat, [], OK, NOW).state == ALARM


def test_the_reason_has_the_wording_of_cloudwatch() -> None:
    verdict = evaluate(make_alarm(), [put(0.83, 10)], OK, NOW)
    assert verdict == AlarmState(
        ALARM,
        "Threshold Crossed: 1 out of the last 1 datapoints [0.83 (15/01/27 07:59:00)] was greater "
        "than or equal to the threshold (0.5) (minimum 1 datapoint for OK -> ALARM transition).",
    )


def test_the_reason_mentions_missing_data() -> None:
    verdict = evaluate(make_alarm(missing_data="breaching"), [], INSUFFICIENT_DATA, NOW)
    assert "1 missing datapoints were treated as [Breaching]" in verdict.reason


DESCRIPTION = {
    "AlarmName": "drift",
    "Namespace": "local:Stresswatch",
    "MetricName": "DriftShare",
    "Statistic": "Maximum",
    "Dimensions": [{"Name": "Stage", "Value": "dev"}],
    "Period": PERIOD,
    "EvaluationPeriods": 1,
    "Threshold": 0.5,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}


def test_datapoints_to_alarm_are_read_and_default_to_all_periods() -> None:
    described = DESCRIPTION | {"EvaluationPeriods": 4, "DatapointsToAlarm": 3}
    assert Alarm.from_description(described, "local:") == make_alarm(3, 4)
    del described["DatapointsToAlarm"]
    assert Alarm.from_description(described, "local:") == make_alarm(4, 4)


def test_an_alarm_is_read_with_its_original_namespace() -> None:
    assert Alarm.from_description(DESCRIPTION, "local:") == make_alarm()


@pytest.mark.parametrize(
    "change",
    [
        {"ComparisonOperator": "LessThanLowerThreshold"},
        {"Statistic": None, "ExtendedStatistic": "p99"},
        {"Metrics": [{"Id": "m1"}]},
    ],
)
def test_an_unsupported_alarm_is_rejected_by_name(change: dict[str, object]) -> None:
    with pytest.raises(UnsupportedTemplate, match="drift"):
        Alarm.from_description(DESCRIPTION | change, "local:")
