"""Environments of the functions of the retraining workflow and the model registry."""

from __future__ import annotations

from dataclasses import dataclass

from stresswatch.aws.environment import Environment
from stresswatch.model.scorer import ScorerKind
from stresswatch.retraining.gate_rules import GateRules


@dataclass(frozen=True, kw_only=True)
class AdmissionEnvironment(Environment):
    """Of ``lambdas/admission``."""

    journal_table: str
    cool_down_minutes: int
    shadow_parameter: str


@dataclass(frozen=True, kw_only=True)
class DatasetEnvironment(Environment):
    """Of ``lambdas/dataset``."""

    training_bucket: str
    model_bucket: str
    champion_parameter: str
    minimum_new_labels: int


@dataclass(frozen=True, kw_only=True)
class GateEnvironment(Environment):
    """Of ``lambdas/gate``."""

    model_bucket: str
    champion_parameter: str
    gate_rules: GateRules
    scorer: ScorerKind
    shadow_seconds: int
    probation_seconds: int
    requires_approval: bool


@dataclass(frozen=True, kw_only=True)
class ShadowEnvironment(Environment):
    """Of ``lambdas/shadow``."""

    shadow_parameter: str
    champion_ttl_seconds: float


@dataclass(frozen=True, kw_only=True)
class CompareEnvironment(Environment):
    """Of ``lambdas/compare``."""

    archive_bucket: str
    training_bucket: str
    model_bucket: str
    champion_parameter: str
    identity_secret: str
    query_database: str
    query_workgroup: str
    gate_rules: GateRules


@dataclass(frozen=True, kw_only=True)
class ProbationEnvironment(CompareEnvironment):
    """Of ``lambdas/probation``."""

    shadow_parameter: str
    journal_table: str


@dataclass(frozen=True, kw_only=True)
class ApprovalEnvironment(Environment):
    """Of ``lambdas/approval``."""

    journal_table: str
    approval_hours: int


@dataclass(frozen=True, kw_only=True)
class PromoteEnvironment(Environment):
    """Of ``lambdas/promote``."""

    champion_parameter: str
    journal_table: str


@dataclass(frozen=True, kw_only=True)
class NotifyEnvironment(Environment):
    """Of ``lambdas/notify``."""

    topic_arn: str
    approval_hours: int


@dataclass(frozen=True, kw_only=True)
class RegistryEnvironment(Environment):
    """Of ``lambdas/registry``."""

    model_package_group: str
    model_bucket: str
    journal_table: str
    champion_parameter: str
