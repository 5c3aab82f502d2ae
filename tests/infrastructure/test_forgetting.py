"""Every writable prefix has its records removed by `forget`, or a reason why not."""

import json
import re

import pytest

from cli.forget.places import NOT_VISITED, VISITED
from stresswatch.aws import stack_outputs
from tests.conftest import PROJECT
from tests.infrastructure.conftest import actions

DECIDED = {(kept.bucket, kept.prefix) for kept in VISITED} | NOT_VISITED.keys()
BUCKETS = {
    "Archive": stack_outputs.ARCHIVE_BUCKET,
    "LabelQueue": stack_outputs.LABEL_QUEUE_BUCKET,
    "Models": stack_outputs.MODEL_BUCKET,
    "Quarantine": stack_outputs.QUARANTINE_BUCKET,
    "Training": stack_outputs.TRAINING_BUCKET,
}
"""The outputs that name them, by a part of their logical ids."""


def written_by_the_stack(template) -> set[tuple[str, str]]:
    """The buckets and prefixes to which a stack role may write objects."""
    found = set()
    for policy in template.properties("AWS::IAM::Policy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            if "s3:PutObject" in actions(statement):
                resources = statement["Resource"]
                for resource in resources if isinstance(resources, list) else [resources]:
                    found.add(_place(resource))
    return found


def _place(resource) -> tuple[str, str]:
    """Read the bucket and the prefix of an ARN that is joined from a reference and a text."""
    reference, text = resource["Fn::Join"][1]
    bucket = reference["Fn::GetAtt"][0]
    return _output(bucket), text.lstrip("/").rstrip("*")


def _output(logical_id) -> str:
    return next(output for name, output in BUCKETS.items() if name in logical_id)


def written_by_operators() -> set[tuple[str, str]]:
    """Return the same from the documented policies."""
    return {
        (bucket, prefix.rstrip("*"))
        for path in (PROJECT / "docs" / "policies").glob("*.json")
        for statement in json.loads(path.read_text())["Statement"]
        if "s3:PutObject" in actions(statement)
        for resource in statement["Resource"]
        for bucket, prefix in re.findall(r"\$\{(\w+BucketName)\}/(.*)", resource)
    }


def expiring(template) -> set[tuple[str, str]]:
    """The prefixes whose objects expire in a bucket."""
    return {
        (_output(logical), rule["Prefix"])
        for logical, bucket in template.resources("AWS::S3::Bucket").items()
        for rule in bucket["Properties"].get("LifecycleConfiguration", {}).get("Rules", [])
        if "Prefix" in rule
    }


def undecided(places) -> set[tuple[str, str]]:
    return {
        (bucket, prefix)
        for bucket, prefix in places
        if not any(bucket == known and prefix.startswith(under) for known, under in DECIDED)
    }


def test_every_prefix_has_a_decision_on_deleting_user_data(template):
    places = written_by_the_stack(template) | written_by_operators() | expiring(template)
    assert len(places) > 10
    assert undecided(places) == set()


def test_a_prefix_without_a_decision_is_found():
    place = (stack_outputs.ARCHIVE_BUCKET, "comments/")
    assert undecided({place}) == {place}


@pytest.mark.parametrize(("bucket", "prefix"), sorted(DECIDED))
def test_the_privacy_page_names_each_prefix(bucket, prefix):
    page = (PROJECT / "docs" / "privacy.md").read_text()
    _, _, forgetting = page.partition("\n## Forgetting a person\n")
    assert f"`{prefix}`" in forgetting.partition("\n## ")[0]


def test_the_forget_policies_allow_exactly_the_visited_prefixes():
    statements = [
        statement
        for page in ("forget", "forget-label-queue")
        for statement in json.loads((PROJECT / f"docs/policies/{page}.json").read_text())[
            "Statement"
        ]
    ]
    for action in ("s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObjectVersion"):
        allowed = {
            tuple(re.findall(r"\$\{(\w+BucketName)\}/(.*)\*", resource)[0])
            for statement in statements
            if action in statement["Action"]
            for resource in statement["Resource"]
        }
        assert allowed == {(kept.bucket, kept.prefix) for kept in VISITED}
