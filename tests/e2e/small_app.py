"""A small synthesised app, written by hand: one resource of each kind that `local/` drives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "small-app"

CONSUMER = '''
"""Writes down what it gets, one object an invocation; records say how they are to be treated."""

import base64
import json
import os
import uuid

import boto3

failed_once = set()


def handler(event, context):
    batch = [json.loads(base64.b64decode(one["kinesis"]["data"])) for one in event["Records"]]
    numbers = [record["number"] for record in batch]
    if any(record.get("poison") for record in batch):
        raise ValueError("poison")
    done, failures = numbers, []
    for place, record in enumerate(batch):
        if record.get("fails_once") and record["number"] not in failed_once:
            failed_once.add(record["number"])
            done = numbers[:place]
            identifier = event["Records"][place]["kinesis"]["sequenceNumber"]
            failures = [{"itemIdentifier": identifier}]
            break
    stream = event["Records"][0]["eventSourceARN"].rpartition("/")[2]
    boto3.client("s3").put_object(
        Bucket=os.environ["BUCKET"],
        Key=f"seen/{stream}/{uuid.uuid4()}",
        Body=json.dumps(done).encode(),
    )
    return {"batchItemFailures": failures}
'''

COUNTER = '''
"""Does next to nothing, and says how much of it in the embedded metric format."""

import json
import time


def handler(event, context):
    directive = {
        "Namespace": "Small",
        "Dimensions": [["Function"]],
        "Metrics": [{"Name": "Counted", "Unit": "Count"}],
    }
    print(json.dumps({
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Function": "counter",
        "Counted": len(event.get("Records", [])),
    }))
'''

TRESPASSER = '''
"""Does what its role does not allow."""

import os

import boto3


def handler(event, context):
    boto3.client("s3").get_object(Bucket=os.environ["BUCKET"], Key="secret")
'''

TRAIN = """
import json
import sys
from pathlib import Path

prefix = Path(sys.argv[3])
posts = (prefix / "input/data/train/posts.jsonl").read_text()
if posts == "nothing":
    (prefix / "output" / "failure").write_text("There is nothing to train on.")
    sys.exit(1)
parameters = json.loads((prefix / "input/config/hyperparameters.json").read_text())
(prefix / "model" / "model.json").write_text(json.dumps([posts, parameters]))
"""

FILES = {
    "consumer/handler.py": CONSUMER,
    "counter/handler.py": COUNTER,
    "trespasser/handler.py": TRESPASSER,
    "image/function/handler.py": "def handler(event, context):\n    return {'from': 'image'}\n",
    "image/function/Dockerfile": (
        'FROM base\nCOPY function/handler.py ${LAMBDA_TASK_ROOT}/\nCMD ["handler.handler"]\n'
    ),
    "image/training/train.py": TRAIN,
    "image/training/Dockerfile": (
        "FROM base\n"
        "WORKDIR /opt/program\n"
        "COPY training/train.py .\n"
        'ENTRYPOINT ["python", "train.py"]\n'
    ),
}


def write_app(directory: Path, **changes: dict[str, Any]) -> Path:
    """Write the app as a cloud assembly; `changes` replace resources of its template."""
    for name, text in FILES.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    template = {"Resources": _resources() | changes, "Outputs": _outputs()}
    assets = {
        "files": {name: _file_asset(name) for name in ("consumer", "counter", "trespasser")},
        "dockerImages": {name: _image_asset(name) for name in ("function", "training")},
    }
    manifest = {
        "artifacts": {
            "assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
            NAME: {
                "type": "aws:cloudformation:stack",
                "properties": {
                    "templateFile": "template.json",
                    "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/version",
                    "requiresBootstrapStackVersion": 6,
                },
            },
        }
    }
    for name, content in {"template": template, "assets": assets, "manifest": manifest}.items():
        (directory / f"{name}.json").write_text(json.dumps(content))
    return directory


def _file_asset(name: str) -> dict[str, Any]:
    destination = {"bucketName": "assets", "objectKey": f"{name}.zip"}
    return {
        "source": {"path": name, "packaging": "zip"},
        "destinations": {"here": destination},
    }


def _image_asset(name: str) -> dict[str, Any]:
    return {
        "source": {"directory": "image", "dockerFile": f"{name}/Dockerfile"},
        "destinations": {"here": {"repositoryName": "images", "imageTag": f"tag-{name}"}},
    }


def _outputs() -> dict[str, Any]:
    values = {
        "Bucket": {"Ref": "Bucket"},
        "Partial": {"Ref": "Partial"},
        "Poison": {"Ref": "Poison"},
        "Plain": {"Ref": "Plain"},
        "Split": {"Ref": "Split"},
        "Resharded": {"Ref": "Resharded"},
        "Closed": {"Ref": "Closed"},
        "PoisonMapping": {"Ref": "PoisonMapping"},
        "Counter": {"Ref": "Counter"},
        "Trespasser": {"Ref": "Trespasser"},
        "ImageFunction": {"Ref": "ImageFunction"},
        "Alarm": {"Ref": "Alarm"},
        "OnAlarm": {"Ref": "OnAlarmWorkflow"},
        "Training": {"Ref": "TrainingWorkflow"},
        "Topic": {"Ref": "Topic"},
        "Notified": {"Ref": "Notified"},
    }
    return {name: {"Value": value} for name, value in values.items()}


def _resources() -> dict[str, Any]:
    bucket_arn = {"Fn::GetAtt": ["Bucket", "Arn"]}
    objects = {"Fn::Sub": "${Bucket.Arn}/*"}
    return {
        "Bucket": _resource("AWS::S3::Bucket"),
        "TlsOnly": _resource(
            "AWS::S3::BucketPolicy",
            Bucket={"Ref": "Bucket"},
            PolicyDocument=_policy(
                {
                    "Effect": "Deny",
                    "Principal": {"AWS": "*"},
                    "Action": "s3:*",
                    "Resource": [bucket_arn, objects],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ),
        ),
        **{name: _resource("AWS::Kinesis::Stream", ShardCount=1) for name in _STREAMS},
        "ConsumerRole": _role(
            "lambda",
            _allow(
                [
                    "kinesis:DescribeStream",
                    "kinesis:GetRecords",
                    "kinesis:GetShardIterator",
                    "kinesis:ListShards",
                ],
                [{"Fn::GetAtt": [name, "Arn"]} for name in _STREAMS],
            ),
            _allow(
                ["s3:PutObject"],
                [{"Fn::Sub": "${Bucket.Arn}/seen/*"}, {"Fn::Sub": "${Bucket.Arn}/aws/lambda/*"}],
            ),
        ),
        "Consumer": _function("consumer", "ConsumerRole"),
        "PartialMapping": _mapping("Partial", MaximumRetryAttempts=5),
        "PoisonMapping": _mapping(
            "Poison",
            BisectBatchOnFunctionError=True,
            MaximumRetryAttempts=1,
            DestinationConfig={"OnFailure": {"Destination": bucket_arn}},
        ),
        "PlainMapping": _mapping("Plain", BatchSize=500, ParallelizationFactor=2),
        "SplitMapping": _mapping("Split", StartingPosition="LATEST"),
        "PlainRole": _role("lambda"),
        "Counter": _function("counter", "PlainRole"),
        "Trespasser": _function("trespasser", "PlainRole"),
        "ImageFunction": _resource(
            "AWS::Lambda::Function",
            PackageType="Image",
            Code={"ImageUri": "registry/images:tag-function"},
            Role={"Fn::GetAtt": ["PlainRole", "Arn"]},
        ),
        "Topic": _resource("AWS::SNS::Topic"),
        "Notified": _resource("AWS::SQS::Queue"),
        "NotifiedPolicy": _resource(
            "AWS::SQS::QueuePolicy",
            Queues=[{"Ref": "Notified"}],
            PolicyDocument=_policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": {"Fn::GetAtt": ["Notified", "Arn"]},
                }
            ),
        ),
        "Subscription": _resource(
            "AWS::SNS::Subscription",
            Protocol="sqs",
            TopicArn={"Ref": "Topic"},
            Endpoint={"Fn::GetAtt": ["Notified", "Arn"]},
        ),
        "Alarm": _resource(
            "AWS::CloudWatch::Alarm",
            Namespace="Small",
            MetricName="Drift",
            Dimensions=[{"Name": "Stage", "Value": "dev"}],
            Statistic="Maximum",
            Period=3600,
            EvaluationPeriods=3,
            DatapointsToAlarm=1,
            Threshold=0.5,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=[{"Ref": "Topic"}],
        ),
        "OnAlarmRole": _role(
            "events", _allow(["states:StartExecution"], [{"Ref": "OnAlarmWorkflow"}])
        ),
        "OnAlarmRule": _resource(
            "AWS::Events::Rule",
            EventPattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "resources": [{"Fn::GetAtt": ["Alarm", "Arn"]}],
                "detail": {"state": {"value": ["ALARM"]}},
            },
            Targets=[
                {
                    "Id": "workflow",
                    "Arn": {"Ref": "OnAlarmWorkflow"},
                    "RoleArn": {"Fn::GetAtt": ["OnAlarmRole", "Arn"]},
                    "InputTransformer": {
                        "InputPathsMap": {"reason": "$.detail.state.reason"},
                        "InputTemplate": '{"trigger":"drift_alarm","reason":<reason>}',
                    },
                }
            ],
        ),
        "WorkflowRole": _role("states"),
        "OnAlarmWorkflow": _workflow({"Done": {"Type": "Pass", "End": True}}, "Done"),
        "TrainingRole": _role(
            "sagemaker",
            _allow(["s3:ListBucket"], [bucket_arn]),
            _allow(["s3:GetObject"], [{"Fn::Sub": "${Bucket.Arn}/datasets/*"}]),
            _allow(["s3:PutObject"], [{"Fn::Sub": "${Bucket.Arn}/training-output/*"}]),
        ),
        "TrainingWorkflow": _workflow(_training_states(), "Train"),
    }


_STREAMS = ("Partial", "Poison", "Plain", "Split", "Resharded", "Closed")


def _training_states() -> dict[str, Any]:
    return {
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": {
                "TrainingJobName.$": "$.version",
                "RoleArn": {"Fn::GetAtt": ["TrainingRole", "Arn"]},
                "AlgorithmSpecification": {
                    "TrainingImage": "registry/images:tag-training",
                    "TrainingInputMode": "File",
                },
                "HyperParameters": {"k": "5"},
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri.$": "$.dataset_uri"}
                        },
                    }
                ],
                "OutputDataConfig": {"S3OutputPath.$": "$.output_uri"},
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            },
            "ResultPath": "$.training",
            "Catch": [
                {"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Failed"}
            ],
            "End": True,
        },
        "Failed": {"Type": "Pass", "End": True},
    }


def _workflow(states: dict[str, Any], start: str) -> dict[str, Any]:
    text = json.dumps({"StartAt": start, "States": states})
    role = '{"Fn::GetAtt": ["TrainingRole", "Arn"]}'
    before, found, after = text.partition(role)
    definition: Any = text
    if found:
        definition = {"Fn::Join": ["", [before + '"', json.loads(role), '"' + after]]}
    return _resource(
        "AWS::StepFunctions::StateMachine",
        DefinitionString=definition,
        RoleArn={"Fn::GetAtt": ["WorkflowRole", "Arn"]},
    )


def _mapping(stream: str, **settings: Any) -> dict[str, Any]:
    return _resource(
        "AWS::Lambda::EventSourceMapping",
        **{
            "EventSourceArn": {"Fn::GetAtt": [stream, "Arn"]},
            "FunctionName": {"Ref": "Consumer"},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }
        | settings,
    )


def _function(name: str, role: str) -> dict[str, Any]:
    return _resource(
        "AWS::Lambda::Function",
        Code={"S3Bucket": "assets", "S3Key": f"{name}.zip"},
        Handler="handler.handler",
        Runtime="python3.13",
        Timeout=30,
        Role={"Fn::GetAtt": [role, "Arn"]},
        Environment={"Variables": {"BUCKET": {"Ref": "Bucket"}}},
    )


def _role(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": f"{service}.amazonaws.com"},
    }
    policies = [{"PolicyName": "policy", "PolicyDocument": _policy(*statements)}]
    return _resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument=_policy(trust),
        **({"Policies": policies} if statements else {}),
    )


def _allow(actions: list[str], resources: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}
