"""Deploy an assembly: first the list of uploads, then the calls."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.endpoint import Endpoint
from local.errors import DeploymentFailed
from local.template.assembly import Assembly, FileAsset
from local.template.container_images import Image, read_image
from local.template.packages import image_package, zip_files
from local.template.resources import ImageCode, RewriteContext, Template
from local.template.rewrites import rewrite
from stresswatch.aws.s3 import ABSENT, error_code

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
_DEPLOY_SECONDS = 120.0


@dataclass(frozen=True)
class Deployment:
    """The uploads and the template of a deployment."""

    stack_name: str
    template: Template
    uploads: Mapping[tuple[str, str], Callable[[], bytes]]
    """Content by bucket and key; a key identifies its content, so existing keys need no upload."""
    parameters: Mapping[str, str]


def plan_deployment(
    assembly: Assembly, bucket: str, endpoint_url: str, tracking_uri: str | None = None
) -> Deployment:
    """Rewrite the template, and list its uploads; packages go to the bucket."""
    uploads: dict[tuple[str, str], Callable[[], bytes]] = {}
    for file in assembly.files:
        uploads[file.bucket, file.key] = _reader(file)
    images: dict[str, ImageCode] = {}
    for asset in assembly.images:
        image = read_image(asset)
        package = image_package(image)
        images[image.tag] = _image_code(bucket, package.key, image)
        uploads[bucket, package.key] = lambda content=package.content: content  # type: ignore[misc]
    foreign = frozenset(asset.key for asset in assembly.files if _is_third_party(asset))
    return Deployment(
        stack_name=assembly.stack_name,
        template=rewrite(
            assembly.template, RewriteContext(images, foreign, tracking_uri, endpoint_url)
        ),
        uploads=uploads,
        parameters={assembly.bootstrap_version_parameter: str(assembly.bootstrap_version)},
    )


def execute(deployment: Deployment, bucket: str, endpoint: Endpoint) -> None:
    """Upload, then create the stack, or update it if its template has changed.

    Raises
    ------
    DeploymentFailed
    """
    s3, ssm = endpoint.client("s3"), endpoint.client("ssm")
    for name in {bucket, *(bucket_name for bucket_name, _ in deployment.uploads)}:
        if not _exists(s3.head_bucket, Bucket=name):
            s3.create_bucket(Bucket=name)
    for name, value in deployment.parameters.items():
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    for (name, key), content in deployment.uploads.items():
        if not _exists(s3.head_object, Bucket=name, Key=key):
            s3.put_object(Bucket=name, Key=key, Body=content())
    body = json.dumps(deployment.template).encode()
    template_key = f"local/{hashlib.sha256(body).hexdigest()}.json"
    s3.put_object(Bucket=bucket, Key=template_key, Body=body)
    request = {
        "StackName": deployment.stack_name,
        "TemplateURL": f"{endpoint.url}/{bucket}/{template_key}",
        "Capabilities": _CAPABILITIES,
    }
    cloudformation = endpoint.client("cloudformation")
    if not _can_be_updated(cloudformation, deployment.stack_name):
        cloudformation.create_stack(**request)
    elif not _update(cloudformation, request):
        return
    _wait(cloudformation, deployment.stack_name)


def stack_outputs(stack_name: str, endpoint: Endpoint) -> dict[str, str]:
    """Return the stack's outputs by name."""
    (stack,) = endpoint.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def stack_resources(stack_name: str, endpoint: Endpoint) -> dict[str, tuple[str, str]]:
    """Return each resource's type and physical id by logical id."""
    answer = endpoint.client("cloudformation").describe_stack_resources(StackName=stack_name)
    return {
        resource["LogicalResourceId"]: (resource["ResourceType"], resource["PhysicalResourceId"])
        for resource in answer["StackResources"]
    }


def _reader(asset: FileAsset) -> Callable[[], bytes]:
    if not asset.is_folder:
        return asset.path.read_bytes
    return lambda: zip_files(
        {
            file.relative_to(asset.path).as_posix(): file.read_bytes()
            for file in asset.path.rglob("*")
            if file.is_file()
        }
    )


def _image_code(bucket: str, key: str, image: Image) -> ImageCode:
    if image.entry_point:
        return ImageCode(bucket, key, entry_point=image.entry_point)
    (handler,) = image.command
    return ImageCode(bucket, key, handler=handler)


def _is_third_party(asset: FileAsset) -> bool:
    return asset.is_folder and any(asset.path.glob("python/*.dist-info"))


def _exists(head: Callable[..., Any], **request: str) -> bool:
    try:
        head(**request)
    except ClientError as error:
        if error_code(error) in (*ABSENT, "NoSuchBucket"):
            return False
        raise
    return True


def _can_be_updated(cloudformation: Any, stack_name: str) -> bool:
    """Return whether the stack exists; delete the remains of a failed creation."""
    try:
        status = _describe(cloudformation, stack_name)["StackStatus"]
    except ClientError as error:
        if error_code(error) == "ValidationError":
            return False
        raise
    if status.endswith("_COMPLETE") and not status.startswith(("ROLLBACK", "DELETE")):
        return True
    cloudformation.delete_stack(StackName=stack_name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack_name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return False


def _update(cloudformation: Any, request: dict[str, Any]) -> bool:
    """Start the stack's update; return whether there are changes."""
    try:
        cloudformation.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return False
        raise
    return True


def _wait(cloudformation: Any, stack_name: str) -> None:
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        status = _describe(cloudformation, stack_name)["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        time.sleep(0.05)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): "
            f"{event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        raise DeploymentFailed(f"the stack {stack_name} ended as {status}: " + "; ".join(reasons))


def _describe(cloudformation: Any, stack_name: str) -> dict[str, Any]:
    (stack,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    assert isinstance(stack, dict)  # noqa: S101 - for the type checker
    return stack
