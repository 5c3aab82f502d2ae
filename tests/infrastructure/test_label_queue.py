"""The label queue of a stage that samples posts: its writers, its readers, and its deletion."""

import json

import pytest

from cdk_app.settings.stages import STAGES
from cli.cost.estimate import bill
from cli.cost.items import Load
from cli.cost.measured import shipped
from cli.cost.template import read_template
from cli.deployment.deletion import DeletionPlan, Resource
from cli.forget.places import VISITED
from stresswatch.aws import stack_outputs
from stresswatch.storage import label_queue
from tests.infrastructure.conftest import actions, synthesize
from tests.infrastructure.test_environments import ENVIRONMENTS, variables_of_functions
from tests.infrastructure.test_least_privilege import keys_granted, keys_needed, roles

LABELLING = {
    "label_sample_share": 0.02,
    "uncertain_sample_share": 0.1,
    "queue_retention_days": 45,
}
BUCKET, KEY = "StorageLabelQueue", "StorageLabelQueueKey"


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """The development stage, with sampling of posts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STAGES, "dev", STAGES["dev"].changed(labelling=LABELLING))
        return synthesize("dev", tmp_path_factory.mktemp("drawing"))


def touching_queue(template, role):
    """The S3 actions that a role may do on the queue's bucket, with the resources."""
    return [
        (action, json.dumps(statement["Resource"]))
        for statement in template.statements(role)
        for action in actions(statement)
        if action.startswith("s3:") and BUCKET in json.dumps(statement["Resource"])
    ]


def test_no_stage_samples_posts_by_default(any_stage):
    assert BUCKET not in json.dumps(any_stage.body)
    assert stack_outputs.LABEL_QUEUE_BUCKET not in any_stage.body["Outputs"]


def test_the_queue_has_its_own_key_and_expires(drawing):
    bucket = drawing.one("AWS::S3::Bucket", BUCKET)
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key, _ = rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]["Fn::GetAtt"]
    assert key.startswith(KEY)
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == [45]


def test_the_predictor_writes_sampled_posts_and_no_role_reads_them(drawing):
    may = {role: touching_queue(drawing, role) for role in roles(drawing)}
    (role,) = [role for role, touching in may.items() if touching]
    assert role.startswith("PredictionPredictorRole")
    ((action, resource),) = may[role]
    assert action == "s3:PutObject"
    assert f"/{label_queue.PREFIX}*" in resource


def test_with_a_queue_roles_may_use_only_the_keys_they_need(drawing):
    for role in roles(drawing):
        assert keys_granted(drawing, role) == keys_needed(drawing, role), role


def test_no_service_may_use_the_queues_key(drawing):
    statements = drawing.one("AWS::KMS::Key", KEY)["KeyPolicy"]["Statement"]
    assert [one for one in statements if "Service" in one["Principal"]] == []


def test_the_predictor_gets_the_bucket_and_the_sample_shares(drawing):
    variables = variables_of_functions(drawing)["predictor"]
    assert variables["LABEL_QUEUE_BUCKET"]["Ref"].startswith(BUCKET)
    texts = {name: value if isinstance(value, str) else "name" for name, value in variables.items()}
    parsed = ENVIRONMENTS["predictor"].parse(texts)
    assert (parsed.label_sample_share, parsed.uncertain_sample_share) == (0.02, 0.1)


def test_the_drift_monitor_knows_whether_posts_are_sampled(drawing, any_stage):
    for template, draws_posts in ((drawing, "true"), (any_stage, "false")):
        assert variables_of_functions(template)["drift"]["DRAWS_POSTS"] == draws_posts


def test_the_queue_is_a_stack_output_and_forget_visits_it(drawing):
    assert drawing.body["Outputs"][stack_outputs.LABEL_QUEUE_BUCKET]["Value"]["Ref"].startswith(
        BUCKET
    )
    visited = {(kept.bucket, kept.prefix) for kept in VISITED}
    assert (stack_outputs.LABEL_QUEUE_BUCKET, label_queue.PREFIX) in visited


def test_deleting_a_stage_empties_its_queue(drawing):
    resources = (
        Resource(resource["Type"], name, name)
        for name, resource in drawing.body["Resources"].items()
    )
    plan = DeletionPlan.of(drawing.body, resources)
    assert any(one.name.startswith(BUCKET) for one in plan.emptied)


def test_the_cost_estimate_includes_the_queue(drawing, template):
    with_queue, without = (
        {
            (item.service, item.what): item.quantity
            for item in bill(Load(1e6), read_template("dev", one.body), shipped())
        }
        for one in (drawing, template)
    )
    kept = ("S3", "label queue of 45 days")
    assert kept in with_queue
    assert kept not in without
    grown = {name for name in without if with_queue[name] > without[name]}
    assert {("KMS", "keys"), ("S3", "objects written"), ("Lambda", "predictor, time")} <= grown
