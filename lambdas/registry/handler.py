"""Registry: synchronises the model package group with the workflow, and passes on decisions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from stresswatch.aws.redaction import redact_errors
from stresswatch.aws.s3 import read
from stresswatch.retraining.approvals import answer
from stresswatch.retraining.environments import RegistryEnvironment
from stresswatch.retraining.journal import Journal
from stresswatch.versions.champion import read_pointer
from stresswatch.versions.model_registry import (
    APPROVED,
    EXECUTION_CHANGED,
    PACKAGE_CHANGED,
    PENDING,
    REJECTED,
    Package,
    Registry,
)
from stresswatch.versions.model_version import (
    MANIFEST_FILE,
    VERDICT_FILE,
    Manifest,
    folder_of_version,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
@redact_errors
def handler(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Register a version, pass on a decision made in the registry, or synchronise.

    The workflow names a ``version`` that the gate has judged. EventBridge reports a package's new
    status, the end of a retraining, and a new champion.
    """
    environment = RegistryEnvironment.parse(os.environ)
    registry = Registry(boto3.client("sagemaker"), environment.model_package_group)
    journal = Journal(boto3.client("dynamodb"), environment.journal_table)
    champion = partial(_champion, environment.champion_parameter)
    kind = event.get("detail-type")
    if kind is None:
        _register(environment, registry, event["version"])
    elif kind == PACKAGE_CHANGED:
        # The event sometimes lacks the description, which is the version's name.
        arn = event["detail"]["ModelPackageArn"]
        if package := registry.package(arn):
            _pass_on(registry, journal, package, champion)
        else:
            logger.warning("unknown package ignored", arn=arn)
    else:
        _get_in_step(registry, journal, champion(), has_ended=kind == EXECUTION_CHANGED)


def _register(environment: RegistryEnvironment, registry: Registry, version: str) -> None:
    s3 = boto3.client("s3")
    folder = folder_of_version(environment.model_bucket, version)
    manifest = Manifest.from_bytes(read(s3, folder / MANIFEST_FILE))
    registry.register(manifest, json.loads(read(s3, folder / VERDICT_FILE)), folder)
    logger.info("registered", version=version)


def _pass_on(
    registry: Registry, journal: Journal, package: Package, champion: Callable[[], str | None]
) -> None:
    """Pass on a decision for a version that awaits one; revert one that has no effect."""
    if package.status == PENDING:
        return
    by, why = registry.word(package)
    approved = package.status == APPROVED
    if answer(
        boto3.client("stepfunctions"), journal, package.version, approved=approved, by=by, why=why
    ):
        logger.info("decision passed on", version=package.version, approved=approved)
    elif champion() == package.version:
        registry.set(package, APPROVED, "It serves: `stresswatch rollback` takes it out of service")
    elif journal.barred(package.version):
        registry.set(package, REJECTED, "It was rolled back: `stresswatch rollback` lets it serve")
    elif approved:
        registry.set(package, PENDING, "No retraining awaited it: the decision had no effect")


def _get_in_step(
    registry: Registry, journal: Journal, champion: str | None, *, has_ended: bool
) -> None:
    """Approve the version in service; reject those rolled back or not promoted."""
    for package in registry.packages():
        if package.version == champion:
            registry.set(package, APPROVED, "It serves")
        elif package.status == REJECTED:
            continue
        elif bar := journal.barred(package.version):
            registry.set(package, REJECTED, f"It was rolled back by {bar.by}: {bar.why}")
        elif has_ended and package.status == PENDING and not journal.approval(package.version):
            registry.set(package, REJECTED, "Its retraining ended and did not promote it")


def _champion(parameter: str) -> str | None:
    pointer = read_pointer(boto3.client("ssm"), parameter)
    return pointer.version if pointer else None
