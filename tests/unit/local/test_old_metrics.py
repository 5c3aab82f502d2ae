"""The emulator drops metrics that are too old, but does not look for them at every request."""

import asyncio
import json
import time

import pytest
from ministack.services import cloudwatch

from local.emulator.old_metrics import drop_old_metrics_seldom

DAY = 24 * 3600.0


class Metrics:
    """The emulator's metrics, none at first, a clock, and the number of searches for old ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.looks = time.time(), 0
        evict = cloudwatch._evict_old_metrics

        def look() -> None:
            self.looks += 1
            evict()

        monkeypatch.setattr(cloudwatch, "_metrics", type(cloudwatch._metrics)())
        monkeypatch.setattr(cloudwatch, "_evict_old_metrics", look)

    def request(self, operation: str, **request: object) -> dict:
        target = {"x-amz-target": f"GraniteServiceVersion20100801.{operation}"}
        headers = target | {"content-type": "application/x-amz-json-1.0"}
        body = json.dumps(request).encode()
        status, _, answer = asyncio.run(cloudwatch.handle_request("POST", "/", headers, body, {}))
        assert status == 200
        return json.loads(answer or b"{}")

    def clock(self) -> float:
        return self.now

    def put(self, days_ago: int = 0) -> None:
        metric = {"MetricName": "m", "Value": 1, "Timestamp": time.time() - days_ago * DAY}
        self.request("PutMetricData", Namespace="N", MetricData=[metric])

    def names(self) -> list[str]:
        return [one["MetricName"] for one in self.request("ListMetrics")["Metrics"]]


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    return Metrics(monkeypatch)


def test_old_metrics_are_dropped_within_a_minute(metrics) -> None:
    drop_old_metrics_seldom(metrics.clock)
    metrics.put(days_ago=15)
    assert metrics.names() == ["m"]
    metrics.now += 60.0
    assert metrics.names() == []


def test_old_metrics_are_searched_for_at_most_once_a_minute(metrics) -> None:
    drop_old_metrics_seldom(metrics.clock)
    for _ in range(100):
        metrics.put()
        metrics.now += 0.5
    assert metrics.looks == 1


def test_old_metrics_are_searched_for_after_the_clock_is_set_back(metrics) -> None:
    drop_old_metrics_seldom(metrics.clock)
    metrics.put()
    metrics.now -= 30 * DAY
    metrics.put()
    assert metrics.looks == 2


def test_the_unpatched_emulator_searches_at_every_request(metrics) -> None:
    """When this fails, the emulator does it by itself: remove `local/emulator/old_metrics.py`."""
    for _ in range(3):
        metrics.put()
    assert metrics.looks == 3
