"""The model registry: versions as packages in a SageMaker model package group.

The registry mirrors the workflow, which alone decides what serves. Its only input is a person's
approval or rejection of a version that awaits it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stresswatch.aws.s3 import Location
from stresswatch.aws.service_text import description, metadata_value
from stresswatch.versions.model_version import EVALUATION_FILE, Manifest

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Status = Literal["Approved", "Rejected", "PendingManualApproval"]
APPROVED: Status = "Approved"
REJECTED: Status = "Rejected"
PENDING: Status = "PendingManualApproval"
PACKAGE_CHANGED = "SageMaker Model Package State Change"
EXECUTION_CHANGED = "Step Functions Execution Status Change"
CHAMPION_CHANGED = "Parameter Store Change"
"""EventBridge detail types that the registry handles."""


@dataclass(frozen=True)
class Package:
    """A version in the registry."""

    version: str
    arn: str
    status: str


@dataclass(frozen=True)
class Registry:
    """The packages of a group. A package's description is its version's name."""

    sagemaker: SageMakerClient
    group: str

    def register(self, manifest: Manifest, verdict: Mapping[str, Any], folder: Location) -> None:
        """Add a judged version with its metadata; leave an existing one unchanged."""
        if any(package.version == manifest.version for package in self.packages()):
            return
        self.sagemaker.create_model_package(
            ModelPackageGroupName=self.group,
            ModelPackageDescription=manifest.version,
            ModelApprovalStatus=PENDING if verdict["accepted"] else REJECTED,
            ModelMetrics={
                "ModelQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": str(folder / EVALUATION_FILE),
                    }
                }
            },
            MetadataProperties={
                "CommitId": manifest.code_commit,
                "GeneratedBy": manifest.training_job,
            },
            CustomerMetadataProperties={
                name: metadata_value(value)
                for name, value in _properties(manifest, verdict, folder).items()
            },
            # Concurrent registrations create one package.
            ClientToken=manifest.version,
        )

    def packages(self) -> Iterator[Package]:
        """Return the packages that this registry added, newest first."""
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for found in page["ModelPackageSummaryList"]:
                if package := _package(found):
                    yield package

    def package(self, arn: str) -> Package | None:
        """Return a package's current state; None for one that this registry did not add."""
        return _package(self.sagemaker.describe_model_package(ModelPackageName=arn))

    def set(self, package: Package, status: Status, because: str) -> None:
        """Set a package's status and reason, unless they are set already."""
        if package.status != status:
            self.sagemaker.update_model_package(
                ModelPackageArn=package.arn,
                ModelApprovalStatus=status,
                ApprovalDescription=description(because),
            )

    def word(self, package: Package) -> tuple[str, str]:
        """Return who changed a package last, and their reason."""
        described = self.sagemaker.describe_model_package(ModelPackageName=package.arn)
        user = described.get("LastModifiedBy", {})
        name = user.get("UserProfileName") or user.get("IamIdentity", {}).get("Arn")
        why = described.get("ApprovalDescription")
        return name or "a user of the model registry", why or "no reason was given"


def _package(found: Mapping[str, Any]) -> Package | None:
    """Read a package; those that people add lack a description or status."""
    version, status = found.get("ModelPackageDescription"), found.get("ModelApprovalStatus")
    return Package(version, found["ModelPackageArn"], status) if version and status else None


def _properties(manifest: Manifest, verdict: Mapping[str, Any], folder: Location) -> dict[str, str]:
    quality = manifest.metrics["overall"]
    failed = " / ".join(check["name"] for check in verdict["checks"] if not check["passed"])
    return {
        "version": manifest.version,
        "parent": manifest.parent or "none",
        "dataset_sha256": manifest.dataset_sha256,
        "folder": str(folder),
        "verdict": "accepted" if verdict["accepted"] else f"rejected: {failed}",
        "numeric_features": ", ".join(manifest.selected_features) or "none",
        **{f"posts_{kind}": str(count) for kind, count in manifest.posts.items()},
        **{name: f"{quality[name]:.4f}" for name in ("f1", "roc_auc", "brier")},
    }
