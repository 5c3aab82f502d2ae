"""The times of a window's metrics, and an alarm's view of them with the schedule's period."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from botocore.exceptions import ClientError

from local.alarms.evaluation import ALARM, OK, Alarm, Samples, evaluate
from stresswatch.monitoring.window_metrics import RefusedMetrics, publish, require_published
from stresswatch.settled.windows import Window
from tests.strict_calls import checked

PERIOD = 60
DRIFT = Alarm(
    name="drift",
    namespace="Stresswatch",
    metric_name="DriftShare",
    dimensions={"Stage": "dev"},
    statistic="Maximum",
    period=PERIOD,
    evaluation_periods=1,
    datapoints_to_alarm=1,
    threshold=0.5,
    comparison="GreaterThanOrEqualToThreshold",
    missing_data="notBreaching",
)


class CloudWatch:
    """Keep the metrics that were put."""

    def __init__(self):
        self.put = []

    def put_metric_data(self, **call):
        checked("cloudwatch", "PutMetricData", **call)
        self.put += [(call["Namespace"], datum) for datum in call["MetricData"]]


def published_at(end):
    cloudwatch = CloudWatch()
    data = [{"MetricName": "DriftShare", "Value": 0.5}, {"MetricName": "WindowPosts", "Value": 9}]
    publish(cloudwatch, "Stresswatch", Window(end - timedelta(hours=1), end), iter(data))
    assert [(namespace, {**datum, "Timestamp": None}) for namespace, datum in cloudwatch.put] == [
        ("Stresswatch", {**datum, "Timestamp": None}) for datum in data[: len(cloudwatch.put)]
    ]
    return [datum["Timestamp"] for _, datum in cloudwatch.put]


@pytest.mark.parametrize("age", [timedelta(minutes=2), timedelta(days=13, hours=23)])
def test_metrics_are_timestamped_at_the_end_of_their_window(age):
    end = datetime.now(UTC) - age
    assert published_at(end) == [end, end]


def test_metrics_of_a_running_window_are_timestamped_now():
    begun = datetime.now(UTC)
    at = published_at(begun + timedelta(hours=1))
    assert begun <= at[0] == at[1] <= datetime.now(UTC)


def test_metrics_too_old_for_cloudwatch_are_not_sent():
    assert published_at(datetime.now(UTC) - timedelta(days=14)) == []


def alarms(drifted, put_after, at_end):
    """Count how often an alarm begins, evaluated each second over windows put this late."""
    puts = [
        (
            PERIOD * number + late,
            Samples(PERIOD * number + (0 if at_end else late), 1, share, share, share),
        )
        for number, (share, late) in enumerate(zip(drifted, put_after, strict=True))
    ]
    begun, state = 0, OK
    for now in range(PERIOD * len(puts)):
        seen = [samples for at, samples in puts if at <= now]
        before, state = state, evaluate(DRIFT, seen, state, now).state
        begun += (before, state) == (OK, ALARM)
    return begun


def test_an_alarm_begins_with_the_first_drifted_window():
    chance = Random(1)
    for _ in range(50):
        drifted = [chance.choice((0.0, 1.0)) for _ in range(12)]
        late = [chance.randrange(PERIOD) for _ in drifted]
        begins = sum(one > before for before, one in zip([0.0, *drifted], drifted, strict=False))
        assert alarms(drifted, late, at_end=True) == begins


def test_publication_timestamps_would_trigger_the_alarm_twice():
    """The second window is sooner than the first, and shares its period; the third is later."""
    assert alarms([1.0, 0.0, 0.0], put_after=[8, 3, 10], at_end=False) == 2
    assert alarms([1.0, 0.0, 0.0], put_after=[8, 3, 10], at_end=True) == 1


class Refusing(CloudWatch):
    """Refuse a whole call with a value below 0, as CloudWatch does."""

    def __init__(self, code="InvalidParameterValue"):
        super().__init__()
        self.calls, self.code = 0, code

    def put_metric_data(self, **call):
        self.calls += 1
        assert len(call["MetricData"]) <= 1000
        if any(datum["Value"] < 0 for datum in call["MetricData"]):
            error = {"Error": {"Code": self.code, "Message": "a value"}}
            raise ClientError(error, "PutMetricData")
        super().put_metric_data(**call)


def publish_values(cloudwatch, values):
    end = datetime.now(UTC)
    data = [
        {
            "MetricName": f"M{place}",
            "Value": value,
            "Dimensions": [{"Name": "Stage", "Value": "dev"}],
        }
        for place, value in enumerate(values)
    ]
    return publish(cloudwatch, "Stresswatch", Window(end - timedelta(hours=1), end), data)


@pytest.mark.parametrize("code", ["InvalidParameterValue", "InvalidParameterValueException"])
@pytest.mark.parametrize("bad", [set(), {0}, {149}, {3, 4}, {7, 70, 140}, set(range(150))])
def test_only_invalid_metrics_are_rejected(bad, code):
    cloudwatch = Refusing(code)
    refused = publish_values(cloudwatch, [-1 if one in bad else one for one in range(150)])
    assert {datum["MetricName"] for datum in refused} == {f"M{one}" for one in bad}
    assert sorted(datum["Value"] for _, datum in cloudwatch.put) == sorted(set(range(150)) - bad)
    if len(bad) == 1:
        assert cloudwatch.calls <= 2 * 8 + 1


def test_more_data_than_a_call_allows_is_sent_in_several():
    cloudwatch = Refusing()
    assert publish_values(cloudwatch, range(2500)) == []
    assert (cloudwatch.calls, len(cloudwatch.put)) == (3, 2500)


def test_a_call_that_fails_for_another_reason_is_not_split():
    cloudwatch = Refusing("AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        publish_values(cloudwatch, [1, -1])
    assert cloudwatch.calls == 1


def test_rejected_metrics_are_reported_by_name():
    require_published([])
    refused = publish_values(Refusing(), [-1] * 7 + [1])
    with pytest.raises(
        RefusedMetrics, match=r"refused 7 .*: M0 \(dev\), M1 .* and 2 more; the oth"
    ):
        require_published(refused)
