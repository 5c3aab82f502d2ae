"""Drift: measures a window of predictions against the champion's reference, and publishes it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pandas as pd
from aws_lambda_powertools import Logger

from stresswatch import archive, drift_history
from stresswatch.champion import Pointer, read_pointer
from stresswatch.discretion import discreet
from stresswatch.drift import Drift, measure_drift, write_page
from stresswatch.drift_rules import DriftRules
from stresswatch.environment import setting
from stresswatch.s3 import Location
from stresswatch.versions import REFERENCE_FILE
from stresswatch.windows import Window

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef
    from mypy_boto3_s3 import S3Client

logger = Logger()


@logger.inject_lambda_context
@discreet
def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the window's drift: ``status`` is ``measured``, or why there is no figure.

    Only rows of the present champion count: the probability and the share of unknown words are
    its own, and say nothing beside another model's reference.
    """
    s3 = boto3.client("s3")
    window = Window.of(event, float(setting("WINDOW_MINUTES")))
    pointer = read_pointer(boto3.client("ssm"), setting("CHAMPION_PARAMETER"))
    rows = [
        row
        for row in archive.read(s3, setting("ARCHIVE_BUCKET"), window.start, window.end)
        if pointer and row["model_version"] == pointer.version
    ]
    result: dict[str, Any] = {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "posts": len(rows),
        "compared": 0,
        "model_version": pointer.version if pointer else None,
    }
    drift = None
    if pointer is None:
        result["status"] = "no_champion"
    elif len(rows) < int(setting("MINIMUM_WINDOW_POSTS")):
        result["status"] = "too_small"
    else:
        drift, report = _measure(s3, pointer, rows, window)
        result |= {"status": "measured", "compared": len(rows), "report": report}
        result |= drift.as_dict()
    drift_history.write(s3, setting("ARCHIVE_BUCKET"), window, result)
    _publish(len(rows), drift)
    logger.info("window", **{key: result[key] for key in ("status", "posts", "model_version")})
    return result


def _measure(
    s3: S3Client, pointer: Pointer, rows: list[dict[str, Any]], window: Window
) -> tuple[Drift, str]:
    bucket, key = Location.parse(pointer.uri) / REFERENCE_FILE
    reference = pd.read_parquet(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
    target = Location(setting("ARCHIVE_BUCKET"), f"reports/{window.name}-{pointer.version}.html")
    current = pd.DataFrame(rows)
    drift = measure_drift(current, reference, DriftRules.from_json(setting("DRIFT_RULES")))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "drift.html"
        not_drawn = write_page(drift, current, reference, page)
        s3.put_object(
            Bucket=target.bucket,
            Key=target.key,
            Body=page.read_bytes(),
            ContentType="text/html; charset=utf-8",
        )
    if drift.failed or not_drawn:
        logger.warning("columns failed", compared=drift.failed, drawn=not_drawn)
    return drift, str(target)


def _publish(posts: int, drift: Drift | None) -> None:
    stage: list[DimensionTypeDef] = [{"Name": "Stage", "Value": setting("STAGE")}]
    data: list[MetricDatumTypeDef] = [
        {"MetricName": "WindowPosts", "Dimensions": stage, "Value": posts, "Unit": "Count"}
    ]
    if drift:
        data += [
            {"MetricName": "ComparedPosts", "Dimensions": stage, "Value": posts, "Unit": "Count"},
            {"MetricName": "FailedColumns", "Dimensions": stage, "Value": len(drift.failed)},
        ]
        if drift.columns:
            data.append({"MetricName": "DriftShare", "Dimensions": stage, "Value": drift.share})
        data += [
            {
                "MetricName": metric,
                "Dimensions": [*stage, {"Name": "Column", "Value": name}],
                "Value": value,
            }
            for name, column in drift.columns.items()
            for metric, value in (
                ("ColumnDrift", float(column.drifted)),
                ("ColumnDistance", column.distance / column.least),
            )
        ]
    boto3.client("cloudwatch").put_metric_data(
        Namespace=setting("POWERTOOLS_METRICS_NAMESPACE"), MetricData=data
    )
