"""The model registry on moto: it follows the loop, and its approvals count."""

import json

import boto3
import pytest
from botocore.client import BaseClient

from lambdas.registry.handler import handler
from stresswatch.retraining.journal import Decision
from stresswatch.versions.champion import Pointer, write_pointer
from stresswatch.versions.model_registry import (
    APPROVED,
    CHAMPION_CHANGED,
    EXECUTION_CHANGED,
    PACKAGE_CHANGED,
    PENDING,
    REJECTED,
)
from stresswatch.versions.model_version import MANIFEST_FILE, Manifest
from tests.conftest import make_posts
from tests.integration.conftest import (
    ACCEPTED,
    CONTEXT,
    ENVIRONMENT,
    train_version,
    wait_for_a_word,
)

GROUP = ENVIRONMENT["MODEL_PACKAGE_GROUP"]
DIGEST = "0a1b" * 16
FAILED_CHECKS = ("F1, base holdout", "F1, r/ptsd 😀", "scoring time, µs per post")
REJECTED_BY_GATE = {
    "accepted": False,
    "checks": [{"name": name, "passed": False} for name in FAILED_CHECKS],
}


CALLS = {
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "s3:GetObject",
    "sagemaker:CreateModelPackage",
    "sagemaker:DescribeModelPackage",
    "sagemaker:ListModelPackages",
    "sagemaker:UpdateModelPackage",
    "ssm:GetParameter",
    "states:SendTaskSuccess",
}
"""The function's actions on AWS, which its role allows."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return train_version(tmp_path_factory.mktemp("registered"), make_posts(400), "v3", parent="v1")


class Packages:
    """The group, as people see it in SageMaker."""

    def __init__(self):
        self._sagemaker = boto3.client("sagemaker")
        self._sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)

    def of(self, version):
        """Return the packages of a version, described."""
        found = self._sagemaker.list_model_packages(ModelPackageGroupName=GROUP)
        return [
            self.described(package["ModelPackageArn"])
            for package in found["ModelPackageSummaryList"]
            if package.get("ModelPackageDescription") == version
        ]

    def described(self, arn):
        return self._sagemaker.describe_model_package(ModelPackageName=arn)

    def add_by_hand(self):
        """Add a package as people can do in the console; return its ARN."""
        added = self._sagemaker.create_model_package(
            ModelPackageGroupName=GROUP, ModelApprovalStatus=PENDING
        )
        return added["ModelPackageArn"]

    def status(self, version):
        (package,) = self.of(version)
        return package["ModelApprovalStatus"]

    def say(self, version, status, why):
        """Change a status as a person does; return the event that EventBridge sends for it."""
        (package,) = self.of(version)
        self._sagemaker.update_model_package(
            ModelPackageArn=package["ModelPackageArn"],
            ModelApprovalStatus=status,
            ApprovalDescription=why,
        )
        detail = {
            "ModelPackageGroupName": GROUP,
            "ModelPackageArn": package["ModelPackageArn"],
            "ModelApprovalStatus": status,
        }
        return {"detail-type": PACKAGE_CHANGED, "detail": detail}


@pytest.fixture
def packages(aws, states, monkeypatch):
    client = boto3.client
    monkeypatch.setattr(
        boto3, "client", lambda name: states if name == "stepfunctions" else client(name)
    )
    return Packages()


def champion_changed(aws, version):
    pointer = Pointer(version, f"s3://models/models/{version}/", "0" * 64)
    write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], pointer, "a test")
    handler({"detail-type": CHAMPION_CHANGED}, CONTEXT)


def retraining_ended():
    handler({"detail-type": EXECUTION_CHANGED}, CONTEXT)


@pytest.fixture
def judge(aws, files):
    """Publish a version and its verdict, for the workflow to register."""

    def judged(version="v3", verdict=ACCEPTED):
        manifest = json.loads(files[MANIFEST_FILE]) | {"version": version, "dataset_sha256": DIGEST}
        named = {**files, MANIFEST_FILE: json.dumps(manifest).encode()}
        aws.publish(version, named)
        aws.put("models", f"models/{version}/verdict.json", json.dumps(verdict).encode())

    return judged


@pytest.fixture
def register(packages, judge):
    """Publish a judged version and register it."""

    def registered(version="v3", verdict=ACCEPTED):
        judge(version, verdict)
        handler({"version": version}, CONTEXT)

    return registered


class TestRegistration:
    def test_a_package_has_the_versions_metrics_data_parent_and_code(
        self, packages, register, files
    ):
        register()
        (package,) = packages.of("v3")
        manifest = Manifest.from_bytes(files[MANIFEST_FILE])
        told = package["CustomerMetadataProperties"]
        assert told["parent"] == "v1"
        assert told["dataset_sha256"] == DIGEST
        assert float(told["f1"]) == pytest.approx(manifest.metrics["overall"]["f1"], abs=1e-4)
        assert int(told["posts_train"]) == manifest.posts["train"]
        statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]
        assert statistics["S3Uri"] == "s3://models/models/v3/evaluation.json"
        assert package["MetadataProperties"]["CommitId"] == manifest.code_commit

    def test_an_accepted_version_is_pending_approval(self, packages, register):
        register()
        assert packages.status("v3") == PENDING

    def test_a_rejected_version_names_the_failed_checks(self, packages, register):
        register(verdict=REJECTED_BY_GATE)
        (package,) = packages.of("v3")
        assert package["ModelApprovalStatus"] == REJECTED
        assert package["CustomerMetadataProperties"]["verdict"] == (
            "rejected: F1 - base holdout / F1 - r/ptsd _ / scoring time - µs per post"
        )

    def test_a_long_list_of_failed_checks_is_truncated(self, packages, register):
        checks = [{"name": f"F1, community {place}", "passed": False} for place in range(50)]
        register(verdict={"accepted": False, "checks": checks})
        (package,) = packages.of("v3")
        assert package["CustomerMetadataProperties"]["verdict"].startswith("rejected: F1 - comm")

    def test_a_retry_registers_a_version_only_once(self, packages, register):
        register()
        register()
        assert len(packages.of("v3")) == 1


class TestStatusUpdates:
    def test_a_manually_added_package_is_left_alone(self, aws, packages, register):
        arn = packages.add_by_hand()
        register()
        champion_changed(aws, "v3")
        retraining_ended()
        handler({"detail-type": PACKAGE_CHANGED, "detail": {"ModelPackageArn": arn}}, CONTEXT)
        assert packages.status("v3") == APPROVED
        assert packages.described(arn)["ModelApprovalStatus"] == PENDING

    def test_a_multiline_reason_is_stored_on_one_line(self, aws, packages, register):
        register("v1")
        register("v3")
        champion_changed(aws, "v3")
        aws.journal.bar("v3", Decision.now("an operator", "complaints\nsince Monday"))
        champion_changed(aws, "v1")
        (package,) = packages.of("v3")
        assert package["ApprovalDescription"].endswith("an operator: complaints since Monday")

    def test_the_champion_is_approved(self, aws, packages, register):
        register()
        champion_changed(aws, "v3")
        assert packages.status("v3") == APPROVED

    def test_a_rolled_back_version_is_rejected_with_who_and_why(self, aws, packages, register):
        register("v1")
        register("v3")
        champion_changed(aws, "v3")
        aws.journal.bar("v3", Decision.now("an operator", "complaints"))
        champion_changed(aws, "v1")
        (package,) = packages.of("v3")
        assert package["ModelApprovalStatus"] == REJECTED
        assert package["ApprovalDescription"] == "It was rolled back by an operator: complaints"
        assert packages.status("v1") == APPROVED

    def test_the_previous_champion_stays_approved(self, aws, packages, register):
        register("v1")
        champion_changed(aws, "v1")
        register("v3")
        champion_changed(aws, "v3")
        assert packages.status("v1") == APPROVED

    def test_a_version_left_unpromoted_by_its_retraining_is_rejected(self, packages, register):
        register()
        retraining_ended()
        assert packages.status("v3") == REJECTED

    def test_a_version_awaiting_approval_stays_pending(self, aws, packages, register):
        register()
        wait_for_a_word(aws)
        retraining_ended()
        assert packages.status("v3") == PENDING


class TestDecisionInRegistry:
    @pytest.mark.parametrize(("status", "approved"), [(APPROVED, True), (REJECTED, False)])
    def test_resumes_the_waiting_retraining(
        self, aws, packages, register, states, status, approved
    ):
        register()
        wait_for_a_word(aws)
        handler(packages.say("v3", status, "I looked"), CONTEXT)
        word = states.said["token"]
        assert (word["approved"], word["why"]) == (approved, "I looked")
        assert aws.journal.approval("v3") is None

    def test_counts_once_when_notified_twice(self, aws, packages, register, states):
        register()
        wait_for_a_word(aws)
        word = packages.say("v3", APPROVED, "I looked")
        handler(word, CONTEXT)
        states.said.clear()
        handler(word, CONTEXT)
        assert states.said == {}

    def test_is_reverted_with_the_reason_when_nothing_awaits_it(
        self, aws, packages, register, states
    ):
        register()
        handler(packages.say("v3", APPROVED, "too early"), CONTEXT)
        (package,) = packages.of("v3")
        assert package["ModelApprovalStatus"] == PENDING
        assert "the decision had no effect" in package["ApprovalDescription"]
        assert states.said == {}

    def test_does_not_take_the_champion_out_of_service(self, aws, packages, register, states):
        register()
        champion_changed(aws, "v3")
        handler(packages.say("v3", REJECTED, "I dislike it"), CONTEXT)
        (package,) = packages.of("v3")
        assert package["ModelApprovalStatus"] == APPROVED
        assert "stresswatch rollback" in package["ApprovalDescription"]

    def test_does_not_unbar_a_version(self, aws, packages, register, states):
        register()
        aws.journal.bar("v3", Decision.now("an operator", "complaints"))
        handler(packages.say("v3", APPROVED, "I like it"), CONTEXT)
        assert packages.status("v3") == REJECTED


def test_its_calls_are_exactly_those_its_role_allows(
    aws, packages, judge, register, states, monkeypatch
):
    judge("v3")
    register("v1")
    register("v2")
    wait_for_a_word(aws, "v2")
    pointer = Pointer("v1", "s3://models/models/v1/", "0" * 64)
    write_pointer(aws.ssm, ENVIRONMENT["CHAMPION_PARAMETER"], pointer, "a test")
    word = packages.say("v2", APPROVED, "I looked")
    made, call = {"states:SendTaskSuccess"}, BaseClient._make_api_call

    def heard(client, operation, parameters):
        made.add(f"{client.meta.service_model.service_name}:{operation}")
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", heard)
    for event in ({"version": "v3"}, {"detail-type": CHAMPION_CHANGED}, word):
        handler(event, CONTEXT)
    assert states.said
    assert made == CALLS
