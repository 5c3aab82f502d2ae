"""Metrics that functions write into their logs."""

import json
from datetime import UTC, datetime

from local.metrics.embedded import embedded_metrics


def test_metrics_are_read_with_their_dimensions() -> None:
    line = json.dumps(
        {
            "_aws": {
                "Timestamp": 1_800_000_000_500,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Stresswatch",
                        "Dimensions": [["Stage", "service"]],
                        "Metrics": [
                            {"Name": "PostsRead", "Unit": "Count"},
                            {"Name": "Latency"},
                        ],
                    }
                ],
            },
            "Stage": "dev",
            "service": "predictor",
            "PostsRead": [500.0],
            "Latency": 1.5,
        }
    )
    dimensions = [{"Name": "Stage", "Value": "dev"}, {"Name": "service", "Value": "predictor"}]
    timestamp = datetime(2027, 1, 15, 8, 0, 0, 500_000, tzinfo=UTC)
    assert embedded_metrics(line) == [
        (
            "Stresswatch",
            {
                "MetricName": "PostsRead",
                "Dimensions": dimensions,
                "Timestamp": timestamp,
                "Unit": "Count",
                "Values": [500.0],
            },
        ),
        (
            "Stresswatch",
            {
                "MetricName": "Latency",
                "Dimensions": dimensions,
                "Timestamp": timestamp,
                "Unit": "None",
                "Values": [1.5],
            },
        ),
    ]


def test_other_lines_have_no_metrics() -> None:
    lines = ["START RequestId: 1", '{"message": "batch"}', 'not JSON with "_aws"']
    broken = ['["_aws"]', '{"_aws": 1}', '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{}]}}']
    assert [embedded_metrics(line) for line in lines + broken] == [[]] * 6
