"""The functions of the retraining workflow, each with what it may do."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, role_of
from cdk_app.constructs.platform.workflows import RETRAINING, allow_executions
from stresswatch.retraining.journal import APPROVAL, BARRED, LEASE
from stresswatch.storage import archive
from stresswatch.storage.prefixes import ASSEMBLED_SETS, TRAINING_OUTPUT
from stresswatch.storage.training_sets import BASE_PREFIX, LABELS_PREFIX
from stresswatch.versions.model_version import MODELS_PREFIX
from stresswatch.versions.shadow import ARCHIVE_PREFIX as SHADOW_PREFIX


def make_functions(scope: Construct, foundation: Foundation) -> dict[str, lambda_.Function]:
    """Make the workflow's functions; return them by their names."""
    functions = {
        "admission": _admission(scope, foundation),
        "dataset": _dataset(scope, foundation),
        "gate": _gate(scope, foundation),
        "shadow": _shadow(scope, foundation),
        "compare": _compare(scope, foundation),
        "approval": _approval(scope, foundation),
        "promote": _promote(scope, foundation),
        "notify": _notify(scope, foundation),
    }
    for function in functions.values():
        invoked_in_step(function, "the workflow waits for it, and tells people if it fails.")
    return functions


def _admission(scope: Construct, foundation: Foundation) -> lambda_.Function:
    stage, journal = foundation.stage, foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "admission",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=stage.serving.other_concurrency,
        environment={
            "JOURNAL_TABLE": journal.table.table_name,
            "COOL_DOWN_MINUTES": str(stage.retraining.cool_down_minutes),
        },
    )
    role = role_of(function)
    journal.grant_read(role, LEASE)
    journal.grant_write(role, LEASE)
    allow_executions(role, stage, RETRAINING, "states:DescribeExecution")
    return function


def _dataset(scope: Construct, foundation: Foundation) -> lambda_.Function:
    storage, pointers = foundation.storage, foundation.pointers
    function = foundation.functions.zip_function(
        scope,
        "dataset",
        memory_mb=1024,
        timeout=Duration.minutes(5),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "TRAINING_BUCKET": storage.training.bucket_name,
            "MODEL_BUCKET": storage.models.bucket_name,
            "CHAMPION_PARAMETER": pointers.champion.parameter_name,
            "MINIMUM_NEW_LABELS": str(foundation.stage.retraining.minimum_new_labels),
        },
    )
    role = role_of(function)
    pointers.grant_read_champion(role)
    storage.grant_list(role, storage.models, MODELS_PREFIX)
    storage.grant_list(role, storage.training, BASE_PREFIX, LABELS_PREFIX)
    storage.grant_read(role, storage.training, BASE_PREFIX, LABELS_PREFIX, ASSEMBLED_SETS)
    storage.grant_write(role, storage.training, ASSEMBLED_SETS)
    return function


def _gate(scope: Construct, foundation: Foundation) -> lambda_.Function:
    stage, storage, pointers = foundation.stage, foundation.storage, foundation.pointers
    function = foundation.functions.zip_function(
        scope,
        "gate",
        memory_mb=1769,
        timeout=Duration.minutes(5),
        concurrency=stage.serving.other_concurrency,
        environment={
            "MODEL_BUCKET": storage.models.bucket_name,
            "CHAMPION_PARAMETER": pointers.champion.parameter_name,
            "GATE_RULES": stage.retraining.gate.to_json(),
            "SHADOW_SECONDS": str(stage.retraining.shadow_minutes * 60),
            "REQUIRES_APPROVAL": str(stage.retraining.requires_approval).lower(),
        },
    )
    role = role_of(function)
    pointers.grant_read_champion(role)
    storage.grant_list(role, storage.training, ASSEMBLED_SETS)
    storage.grant_list(role, storage.models, MODELS_PREFIX)
    storage.grant_read(role, storage.training, ASSEMBLED_SETS, TRAINING_OUTPUT)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    storage.grant_write(role, storage.models, MODELS_PREFIX)
    return function


def _shadow(scope: Construct, foundation: Foundation) -> lambda_.Function:
    storage, pointers = foundation.storage, foundation.pointers
    function = foundation.functions.zip_function(
        scope,
        "shadow",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "SHADOW_PARAMETER": pointers.shadow.parameter_name,
            "CHAMPION_TTL_SECONDS": str(foundation.stage.serving.champion_ttl_seconds),
        },
    )
    role = role_of(function)
    pointers.grant_move_shadow(role)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    return function


def _compare(scope: Construct, foundation: Foundation) -> lambda_.Function:
    storage, pointers, identity = foundation.storage, foundation.pointers, foundation.identity
    function = foundation.functions.zip_function(
        scope,
        "compare",
        memory_mb=3008,
        timeout=Duration.minutes(15),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "ARCHIVE_BUCKET": storage.archive.bucket_name,
            "TRAINING_BUCKET": storage.training.bucket_name,
            "MODEL_BUCKET": storage.models.bucket_name,
            "CHAMPION_PARAMETER": pointers.champion.parameter_name,
            "IDENTITY_SECRET": identity.secret_arn,
            "GATE_RULES": foundation.stage.retraining.gate.to_json(),
        },
    )
    role = role_of(function)
    pointers.grant_read_champion(role)
    identity.grant_read(role)
    for bucket, prefixes in (
        (storage.archive, (archive.PREFIX, SHADOW_PREFIX)),
        (storage.training, (LABELS_PREFIX, ASSEMBLED_SETS)),
    ):
        storage.grant_list(role, bucket, *prefixes)
        storage.grant_read(role, bucket, *prefixes)
    storage.grant_write(role, storage.models, MODELS_PREFIX)
    return function


def _approval(scope: Construct, foundation: Foundation) -> lambda_.Function:
    journal = foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "approval",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "JOURNAL_TABLE": journal.table.table_name,
            "APPROVAL_HOURS": str(foundation.stage.retraining.approval_hours),
        },
    )
    journal.grant_write(role_of(function), APPROVAL)
    return function


def _promote(scope: Construct, foundation: Foundation) -> lambda_.Function:
    storage, pointers, journal = foundation.storage, foundation.pointers, foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "promote",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "CHAMPION_PARAMETER": pointers.champion.parameter_name,
            "JOURNAL_TABLE": journal.table.table_name,
        },
    )
    role = role_of(function)
    journal.grant_read(role, BARRED)
    pointers.grant_read_champion(role)
    pointers.grant_move_champion(role)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    return function


def _notify(scope: Construct, foundation: Foundation) -> lambda_.Function:
    notifications = foundation.notifications
    function = foundation.functions.zip_function(
        scope,
        "notify",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment={
            "TOPIC_ARN": notifications.topic.topic_arn,
            "APPROVAL_HOURS": str(foundation.stage.retraining.approval_hours),
        },
    )
    notifications.grant_publish(role_of(function))
    return function
