"""The functions of the retraining workflow, each with its permissions."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import invoked_in_step, role_of
from cdk_app.constructs.platform.workflows import RETRAINING, allow_executions
from cdk_app.constructs.querying.athena import Querying
from stresswatch.monitoring import label_table
from stresswatch.retraining.environments import (
    AdmissionEnvironment,
    ApprovalEnvironment,
    CompareEnvironment,
    DatasetEnvironment,
    GateEnvironment,
    NotifyEnvironment,
    ProbationEnvironment,
    PromoteEnvironment,
    ShadowEnvironment,
)
from stresswatch.retraining.journal import APPROVAL, BARRED, LEASE
from stresswatch.settled.queries import PREDICTIONS_TABLE, SHADOW_TABLE
from stresswatch.storage.prefixes import ASSEMBLED_SETS, TRAINING_OUTPUT
from stresswatch.storage.training_sets import BASE_PREFIX, LABELS_PREFIX
from stresswatch.versions.model_version import MODELS_PREFIX


def make_functions(
    scope: Construct, foundation: Foundation, querying: Querying
) -> dict[str, lambda_.Function]:
    """Make the workflow's functions; return them by name."""
    functions = {
        "admission": _admission(scope, foundation),
        "dataset": _dataset(scope, foundation),
        "gate": _gate(scope, foundation),
        "shadow": _shadow(scope, foundation),
        "compare": _compare(scope, foundation, querying),
        "approval": _approval(scope, foundation),
        "promote": _promote(scope, foundation),
        "probation": _probation(scope, foundation, querying),
        "notify": _notify(scope, foundation),
    }
    for function in functions.values():
        invoked_in_step(
            function, "the workflow waits for the result, and notifies people of a failure."
        )
    return functions


def _admission(scope: Construct, foundation: Foundation) -> lambda_.Function:
    stage, journal = foundation.stage, foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "admission",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=stage.serving.other_concurrency,
        environment=AdmissionEnvironment(
            stage=foundation.stage.name,
            journal_table=journal.table.table_name,
            cool_down_minutes=stage.retraining.cool_down_minutes,
            shadow_parameter=foundation.pointers.shadow.parameter_name,
        ),
    )
    role = role_of(function)
    foundation.pointers.grant_read_shadow(role)
    journal.grant_read(role, LEASE)
    journal.grant_write(role, LEASE)
    allow_executions(role, stage, RETRAINING, "states:DescribeExecution")
    return function


def _dataset(scope: Construct, foundation: Foundation) -> lambda_.Function:
    storage, pointers = foundation.storage, foundation.pointers
    function = foundation.functions.zip_function(
        scope,
        "dataset",
        memory_mb=1769,  # one full vCPU; 150 MB would do
        timeout=Duration.minutes(15),
        # The posts, with space to sort them and for the uploaded file.
        storage_mb=10_240,
        concurrency=foundation.stage.serving.other_concurrency,
        environment=DatasetEnvironment(
            stage=foundation.stage.name,
            training_bucket=storage.training.bucket_name,
            model_bucket=storage.models.bucket_name,
            champion_parameter=pointers.champion.parameter_name,
            minimum_new_labels=foundation.stage.retraining.minimum_new_labels,
        ),
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
    function = foundation.functions.predicting_function(
        scope,
        "gate",
        memory_mb=1769,
        timeout=Duration.minutes(5),
        concurrency=stage.serving.other_concurrency,
        environment=GateEnvironment(
            stage=foundation.stage.name,
            model_bucket=storage.models.bucket_name,
            champion_parameter=pointers.champion.parameter_name,
            gate_rules=stage.retraining.gate,
            scorer=stage.serving.scorer,
            shadow_seconds=stage.retraining.shadow_minutes * 60,
            probation_seconds=stage.retraining.probation_minutes * 60,
            requires_approval=stage.retraining.requires_approval,
        ),
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
        environment=ShadowEnvironment(
            stage=foundation.stage.name,
            shadow_parameter=pointers.shadow.parameter_name,
            champion_ttl_seconds=foundation.stage.serving.champion_ttl_seconds,
        ),
    )
    role = role_of(function)
    pointers.grant_move_shadow(role)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    return function


def _compare(scope: Construct, foundation: Foundation, querying: Querying) -> lambda_.Function:
    storage = foundation.storage
    function = foundation.functions.zip_function(
        scope,
        "compare",
        layers=[foundation.functions.packages_layer("settling")],
        memory_mb=1769,
        timeout=Duration.minutes(15),
        concurrency=foundation.stage.serving.other_concurrency,
        environment=CompareEnvironment(
            stage=foundation.stage.name,
            archive_bucket=storage.archive.bucket_name,
            training_bucket=storage.training.bucket_name,
            model_bucket=storage.models.bucket_name,
            champion_parameter=foundation.pointers.champion.parameter_name,
            identity_secret=foundation.identity.secret_arn,
            query_database=querying.database.ref,
            query_workgroup=querying.functions_workgroup.ref,
            gate_rules=foundation.stage.retraining.gate,
        ),
    )
    _allow_comparison(role_of(function), foundation, querying)
    return function


def _approval(scope: Construct, foundation: Foundation) -> lambda_.Function:
    journal = foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "approval",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment=ApprovalEnvironment(
            stage=foundation.stage.name,
            journal_table=journal.table.table_name,
            approval_hours=foundation.stage.retraining.approval_hours,
        ),
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
        environment=PromoteEnvironment(
            stage=foundation.stage.name,
            champion_parameter=pointers.champion.parameter_name,
            journal_table=journal.table.table_name,
        ),
    )
    role = role_of(function)
    journal.grant_read(role, BARRED)
    pointers.grant_read_champion(role)
    pointers.grant_move_champion(role)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    return function


def _probation(scope: Construct, foundation: Foundation, querying: Querying) -> lambda_.Function:
    storage, pointers, journal = foundation.storage, foundation.pointers, foundation.journal
    function = foundation.functions.zip_function(
        scope,
        "probation",
        layers=[foundation.functions.packages_layer("settling")],
        memory_mb=1769,
        timeout=Duration.minutes(15),
        concurrency=foundation.stage.serving.other_concurrency,
        environment=ProbationEnvironment(
            stage=foundation.stage.name,
            archive_bucket=storage.archive.bucket_name,
            training_bucket=storage.training.bucket_name,
            model_bucket=storage.models.bucket_name,
            champion_parameter=pointers.champion.parameter_name,
            shadow_parameter=pointers.shadow.parameter_name,
            journal_table=journal.table.table_name,
            identity_secret=foundation.identity.secret_arn,
            query_database=querying.database.ref,
            query_workgroup=querying.functions_workgroup.ref,
            gate_rules=foundation.stage.retraining.gate,
        ),
    )
    role = role_of(function)
    _allow_comparison(role, foundation, querying)
    pointers.grant_move_champion(role)
    pointers.grant_move_shadow(role)
    journal.grant_read(role, BARRED)
    journal.grant_write(role, BARRED)
    storage.grant_read(role, storage.models, MODELS_PREFIX)
    return function


def _allow_comparison(role: iam.IRole, foundation: Foundation, querying: Querying) -> None:
    """Allow comparing two versions on live posts, and storing the verdict."""
    storage = foundation.storage
    foundation.pointers.grant_read_champion(role)
    foundation.identity.grant_read(role)
    querying.grant_query(role, PREDICTIONS_TABLE, SHADOW_TABLE, label_table.TABLE)
    storage.grant_list(role, storage.training, LABELS_PREFIX, ASSEMBLED_SETS)
    storage.grant_read(role, storage.training, LABELS_PREFIX, ASSEMBLED_SETS)
    storage.grant_write(role, storage.training, label_table.PREFIX)
    storage.grant_write(role, storage.models, MODELS_PREFIX)


def _notify(scope: Construct, foundation: Foundation) -> lambda_.Function:
    notifications = foundation.notifications
    function = foundation.functions.zip_function(
        scope,
        "notify",
        memory_mb=512,
        timeout=Duration.seconds(30),
        concurrency=foundation.stage.serving.other_concurrency,
        environment=NotifyEnvironment(
            stage=foundation.stage.name,
            topic_arn=notifications.topic.topic_arn,
            approval_hours=foundation.stage.retraining.approval_hours,
        ),
    )
    notifications.grant_publish(role_of(function))
    return function
