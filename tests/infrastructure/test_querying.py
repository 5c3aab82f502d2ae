"""Athena's tables, saved queries, and the workgroup that sets the rules."""

import json
import re

import pytest

from cdk_app.constructs.querying.athena_tables import TABLES, saved_queries
from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.querying import Querying
from tests.conftest import PROJECT
from tests.infrastructure.conftest import actions


def test_every_table_and_saved_query_is_deployed(any_stage):
    tables = {each["TableInput"]["Name"] for each in any_stage.properties("AWS::Glue::Table")}
    assert tables == {table.name for table in TABLES}
    queries = {
        each["Name"]: each["QueryString"]
        for each in any_stage.properties("AWS::Athena::NamedQuery")
    }
    assert queries == {query.name: query.sql for query in saved_queries(stage_of(any_stage))}


def workgroup(stage, name):
    """Return a workgroup and its settings: ``Workgroup`` is for people."""
    found = stage.one("AWS::Athena::WorkGroup", f"Querying{name}")
    return found["Name"], found["WorkGroupConfiguration"]


def stage_of(stage):
    return workgroup(stage, "Workgroup")[0].removeprefix("stresswatch-")


def test_a_stage_with_a_hyphen_has_a_valid_database_name():
    assert all("stresswatch_eu_prod." in query.sql for query in saved_queries("eu-prod"))


def test_queries_use_the_database_of_their_own_stage(any_stage):
    (database,) = any_stage.properties("AWS::Glue::Database")
    for query in any_stage.properties("AWS::Athena::NamedQuery"):
        asked = set(re.findall(r"stresswatch_\w+", query["QueryString"]))
        assert asked == {database["DatabaseInput"]["Name"]}


def test_each_table_points_to_the_prefix_of_its_objects(template):
    places = {
        each["TableInput"]["Name"]: each["TableInput"]["StorageDescriptor"]["Location"]
        for each in template.properties("AWS::Glue::Table")
    }
    for table in TABLES:
        scheme, bucket, prefix = places[table.name]["Fn::Join"][1]
        assert (scheme, prefix) == ("s3://", f"/{table.prefix}")
        assert bucket["Ref"].startswith(f"Storage{table.bucket.capitalize()}")


@pytest.mark.parametrize(
    ("name", "limit"), [("Workgroup", 10_000 * 10**6), ("FunctionsWorkgroup", None)]
)
def test_the_workgroup_enforces_its_limits_on_every_query(any_stage, name, limit):
    _, settings = workgroup(any_stage, name)
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings.get("BytesScannedCutoffPerQuery") == limit
    result = settings["ResultConfiguration"]
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    key = result["EncryptionConfiguration"]["KmsKey"]["Fn::GetAtt"][0]
    archive = json.dumps(any_stage.one("AWS::S3::Bucket", "StorageArchive")["BucketEncryption"])
    assert key in archive
    assert result["OutputLocation"]["Fn::Join"][1][-1] == "/query-results/"


ASKS = {
    "Quality": {"predictions", "newest_labels"},
    "Rate": {"drawn_predictions", "newest_labels"},
    "Compare": {"predictions", "shadow_predictions", "newest_labels"},
    "Probation": {"predictions", "shadow_predictions", "newest_labels"},
}


def test_each_function_queries_its_tables_in_the_functions_workgroup(template):
    asked = {}
    for name, policy in template.resources("AWS::IAM::Policy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            text = json.dumps(statement)
            if "glue:GetTable" in actions(statement):
                asked[name] = set(re.findall(r'/(\w+)"\]', text)) - {"catalog"}
            if "athena:StartQueryExecution" in actions(statement):
                assert "QueryingFunctionsWorkgroup" in text
    assert len(asked) == len(ASKS)
    for function, tables in ASKS.items():
        (found,) = [of for name, of in asked.items() if f"{function}Role" in name]
        assert found == tables


def test_query_results_expire(any_stage):
    rules = any_stage.one("AWS::S3::Bucket", "StorageArchive")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == "query-results/"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 7)


@pytest.mark.parametrize("limit", [9, 7_000_001])
def test_a_scan_limit_outside_athenas_range_is_rejected(limit):
    with pytest.raises(InvalidStage, match=rf"scan_limit_mb is {limit}; it must be between"):
        Querying(scan_limit_mb=limit)


class TestPolicy:
    """The page's policy for queries names exactly the template's resources."""

    def statements(self):
        page = (PROJECT / "docs" / "policies" / "query.json").read_text()
        return json.loads(page)["Statement"]

    def test_it_reads_table_prefixes_and_writes_only_results(self):
        read, written = set(), set()
        for statement in self.statements():
            for resource in statement["Resource"]:
                found = re.fullmatch(r"arn:aws:s3:::\$\{(\w+)BucketName\}/(.*)\*", resource)
                if found and "s3:GetObject" in actions(statement):
                    read.add((found[1].lower(), found[2]))
                if found and "s3:PutObject" in actions(statement):
                    written.add((found[1].lower(), found[2]))
        results = {("archive", "query-results/")}
        assert read == {(table.bucket, table.prefix) for table in TABLES} | results
        assert written == results

    def test_it_names_every_table_and_has_no_wildcard_action(self):
        text = json.dumps(self.statements())
        assert set(re.findall(r"table/\$\{QueryDatabaseName\}/(\w+)", text)) == {
            table.name for table in TABLES
        }
        assert not [
            action
            for statement in self.statements()
            for action in actions(statement)
            if "*" in action
        ]

    def test_it_names_only_stack_outputs(self, template):
        names = set(re.findall(r"\$\{(\w+)\}", json.dumps(self.statements())))
        assert names <= set(template.body["Outputs"])
