"""Other drivers of `local/` for the emulator, as AWS documents them: alarms, tasks, roles.

When a release of the emulator includes one of these, the test still passes without the
driver, and the driver can be removed.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from tests.e2e.local_stack.small_stack import Small
from tests.e2e.waiting import eventually


class TestAlarms:
    def test_an_alarm_sends_a_notification_and_starts_the_rules_target(self, small: Small) -> None:
        cloudwatch = small.stack.client("cloudwatch")
        states = small.stack.client("stepfunctions")

        def put_drift(stage: str, value: float) -> None:
            cloudwatch.put_metric_data(
                Namespace="Small",
                MetricData=[
                    {
                        "MetricName": "Drift",
                        "Dimensions": [{"Name": "Stage", "Value": stage}],
                        "Value": value,
                    }
                ],
            )

        def state_is(expected: str) -> bool:
            (alarm,) = cloudwatch.describe_alarms(AlarmNames=[small.Alarm])["MetricAlarms"]
            return bool(alarm["StateValue"] == expected)

        def executions() -> list[dict[str, Any]]:
            listed = states.list_executions(stateMachineArn=small.OnAlarm)["executions"]
            return [states.describe_execution(executionArn=one["executionArn"]) for one in listed]

        eventually("alarm at rest", lambda: state_is("OK"))
        put_drift("another stage", 1.0)
        put_drift("dev", 0.4)
        eventually("alarm at rest", lambda: state_is("OK"))
        assert executions() == []

        put_drift("dev", 0.8)
        eventually("alarm", lambda: state_is("ALARM"))
        (execution,) = eventually("execution", lambda: executions() or None)
        given = json.loads(execution["input"])
        assert given["trigger"] == "drift_alarm"
        assert given["reason"].startswith("Threshold Crossed: 1 out of the last 3 datapoints [0.8")

        queues = small.stack.client("sqs")
        (message,) = eventually(
            "notification",
            lambda: queues.receive_message(QueueUrl=small.Notified).get("Messages"),
        )
        notification = json.loads(json.loads(message["Body"])["Message"])
        assert notification["NewStateValue"] == "ALARM"

    def test_metrics_in_a_functions_log_are_published(self, small: Small) -> None:
        small.invoke(small.Counter)

        def is_published() -> bool:
            listed = small.stack.client("cloudwatch").list_metrics(
                Namespace="Small", MetricName="Counted"
            )
            return bool(listed["Metrics"])

        eventually("metric", is_published)


class TestRewrites:
    def test_a_training_task_runs_the_containers_entry_point(self, small: Small) -> None:
        s3 = small.stack.client("s3")
        s3.put_object(Bucket=small.Bucket, Key="datasets/v1/posts.jsonl", Body=b"posts")
        output = small.execute(small.Training, self._request(small, "v1"))
        artifact = f"s3://{small.Bucket}/training-output/v1/output/model.tar.gz"
        assert output["training"]["TrainingJobStatus"] == "Completed"
        assert output["training"]["ModelArtifacts"] == {"S3ModelArtifacts": artifact}
        key = artifact.removeprefix(f"s3://{small.Bucket}/")
        body = s3.get_object(Bucket=small.Bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            model = archive.extractfile("model.json")
            assert model
            assert json.load(model) == ["posts", {"k": "5"}]

    def test_a_failed_training_task_is_caught_with_its_reason(self, small: Small) -> None:
        s3 = small.stack.client("s3")
        s3.put_object(Bucket=small.Bucket, Key="datasets/v2/posts.jsonl", Body=b"nothing")
        output = small.execute(small.Training, self._request(small, "v2"))
        assert "There is nothing to train on." in output["error"]["Cause"]

    @staticmethod
    def _request(small: Small, version: str) -> dict[str, str]:
        return {
            "version": version,
            "dataset_uri": f"s3://{small.Bucket}/datasets/{version}/",
            "output_uri": f"s3://{small.Bucket}/training-output/",
        }

    def test_an_image_function_runs(self, small: Small) -> None:
        assert small.invoke(small.ImageFunction) == ({"from": "image"}, None)


def test_a_function_may_do_only_what_its_role_allows(small: Small) -> None:
    small.stack.client("s3").put_object(Bucket=small.Bucket, Key="secret", Body=b"")
    answer, error = small.invoke(small.Trespasser)
    assert error == "Unhandled"
    assert "not authorized to perform: s3:GetObject" in answer["errorMessage"]
