"""Queue depths are put each minute, and when they change."""

from types import SimpleNamespace

import pytest

from local.metrics.services import QueueDepths

URLS = ("http://local/failed", "http://local/dead")


class Queues:
    """Queues, the metrics put for them, and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.depths = dict.fromkeys(URLS, 0)
        self.put: list[dict[str, float]] = []

    def client(self, _service: str) -> SimpleNamespace:
        return SimpleNamespace(get_queue_attributes=self._attributes, put_metric_data=self._put)

    def _attributes(self, QueueUrl, AttributeNames):  # noqa: N803
        assert AttributeNames == ["ApproximateNumberOfMessages"]
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.depths[QueueUrl])}}

    def _put(self, Namespace, MetricData):  # noqa: N803
        assert Namespace == "AWS/SQS"
        self.put.append({one["Dimensions"][0]["Value"]: one["Value"] for one in MetricData})


@pytest.fixture
def queues() -> Queues:
    return Queues()


def watch(queues: Queues, urls: tuple[str, ...] = URLS) -> QueueDepths:
    return QueueDepths(urls, queues, clock=lambda: queues.now)


def test_the_first_poll_puts_every_depth(queues) -> None:
    watch(queues).tick()
    assert queues.put == [{"failed": 0.0, "dead": 0.0}]


def test_an_unchanged_depth_is_put_once_a_minute(queues) -> None:
    depths = watch(queues)
    for _ in range(121):
        depths.tick()
        queues.now += 1.0
    assert len(queues.put) == 3


def test_a_change_is_put_at_once(queues) -> None:
    depths = watch(queues)
    depths.tick()
    for depth in (1, 2, 0):
        queues.now += 1.0
        queues.depths[URLS[1]] = depth
        depths.tick()
    assert [one["dead"] for one in queues.put] == [0.0, 1.0, 2.0, 0.0]


def test_depths_are_put_after_the_clock_is_set_back(queues) -> None:
    depths = watch(queues)
    depths.tick()
    queues.now -= 600.0
    depths.tick()
    assert len(queues.put) == 2


def test_a_failed_put_is_retried_at_the_next_poll(queues) -> None:
    depths = watch(queues)
    kept = depths._cloudwatch.put_metric_data

    def refuse(**_) -> None:
        raise ConnectionError

    depths._cloudwatch.put_metric_data = refuse
    with pytest.raises(ConnectionError):
        depths.tick()
    depths._cloudwatch.put_metric_data = kept
    depths.tick()
    assert len(queues.put) == 1


def test_a_stack_without_queues_puts_nothing(queues) -> None:
    watch(queues, ()).tick()
    assert queues.put == []
