"""Tables, saved queries and workgroups of Athena, over the stack's data."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.querying.athena_tables import (
    TABLES,
    Format,
    Table,
    database_of,
    saved_queries,
)
from cdk_app.permissions import allow
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.storage.prefixes import QUERY_RESULTS

_HIVE = "org.apache.hadoop.hive.ql.io"


class Querying(Construct):
    """Glue's database and tables, and the workgroups that query them.

    Callers read the buckets with their own permissions: this construct grants none.

    Attributes
    ----------
    database : glue.CfnDatabase
    workgroup, functions_workgroup : athena.CfnWorkGroup
        One for people, with a scan limit, and one for the functions, without. The settings of a
        workgroup apply to every query in it: the limit, where results go, and their key.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation):
        super().__init__(scope, id)
        stage = foundation.stage
        self._storage = foundation.storage
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=database_of(stage.name),
                description="Predictions, quarantined records and labels of Stresswatch",
            ),
        )
        for table in TABLES:
            self._table(table)
        self.workgroup = self._workgroup(
            "Workgroup",
            stack_name(stage.name),
            "Queries of Stresswatch's data, each up to a limit",
            limit_bytes=stage.querying.scan_limit_mb * 1_000_000,
        )
        self.functions_workgroup = self._workgroup(
            "FunctionsWorkgroup",
            f"{stack_name(stage.name)}-functions",
            "Queries of Stresswatch's own functions",
        )
        for query in saved_queries(stage.name):
            athena.CfnNamedQuery(
                self,
                _id(query.name),
                name=query.name,
                description=query.description,
                database=self.database.ref,
                query_string=query.sql,
                work_group=self.workgroup.ref,
            )

    def grant_query(self, role: iam.IRole, *names: str) -> None:
        """Allow queries of tables by name, in the functions' workgroup."""
        stack, storage = Stack.of(self), self._storage
        allow(
            role,
            [
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [
                stack.format_arn(
                    service="athena",
                    resource="workgroup",
                    resource_name=self.functions_workgroup.ref,
                )
            ],
        )
        allow(
            role,
            ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"],
            [
                stack.format_arn(service="glue", resource="catalog"),
                *(
                    stack.format_arn(service="glue", resource=resource, resource_name=name)
                    for resource, name in (
                        ("database", self.database.ref),
                        *(("table", f"{self.database.ref}/{name}") for name in names),
                    )
                ),
            ],
        )
        for table in (one for one in TABLES if one.name in names):
            bucket = getattr(storage, table.bucket)
            storage.grant_list(role, bucket, table.prefix)
            storage.grant_read(role, bucket, table.prefix)
            allow(role, ["s3:GetBucketLocation"], [bucket.bucket_arn])
        storage.grant_list(role, storage.archive, QUERY_RESULTS)
        storage.grant_read(role, storage.archive, QUERY_RESULTS)
        storage.grant_write(role, storage.archive, QUERY_RESULTS)
        allow(
            role,
            ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            [storage.archive.arn_for_objects(f"{QUERY_RESULTS}*")],
            pattern_because="Athena names a result when it writes it.",
        )

    def _table(self, table: Table) -> None:
        bucket = getattr(self._storage, table.bucket)
        projection = {
            f"projection.{name}.{setting}": value
            for name, settings in table.partitions.items()
            for setting, value in settings.items()
        }
        glue.CfnTable(
            self,
            f"{_id(table.name)}Table",
            catalog_id=Stack.of(self).account,
            database_name=self.database.ref,
            table_input=glue.CfnTable.TableInputProperty(
                name=table.name,
                description=table.description,
                table_type="EXTERNAL_TABLE",
                parameters={
                    "EXTERNAL": "TRUE",
                    "classification": table.format,
                    "projection.enabled": str(bool(projection)).lower(),
                    **projection,
                },
                partition_keys=[
                    glue.CfnTable.ColumnProperty(name=name, type="string")
                    for name in table.partitions
                ],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=bucket.s3_url_for_object(table.prefix),
                    columns=[
                        glue.CfnTable.ColumnProperty(name=name, type=kind)
                        for name, kind in table.columns.items()
                    ],
                    **_reading(table),
                ),
            ),
        )

    def _workgroup(
        self, id: str, name: str, description: str, limit_bytes: int | None = None
    ) -> athena.CfnWorkGroup:
        archive = self._storage.archive
        return athena.CfnWorkGroup(
            self,
            id,
            name=name,
            description=description,
            # It contains saved queries, which are defined here, and the query history.
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=limit_bytes,
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=archive.s3_url_for_object(QUERY_RESULTS),
                    expected_bucket_owner=Stack.of(self).account,
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=self._storage.key.key_arn
                    ),
                ),
            ),
        )


def _id(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _reading(table: Table) -> dict[str, Any]:
    """Return the part of a storage descriptor with an object's format."""
    if table.format is Format.PARQUET:
        return {
            "input_format": f"{_HIVE}.parquet.MapredParquetInputFormat",
            "output_format": f"{_HIVE}.parquet.MapredParquetOutputFormat",
            "serde_info": glue.CfnTable.SerdeInfoProperty(
                serialization_library=f"{_HIVE}.parquet.serde.ParquetHiveSerDe"
            ),
        }
    return {
        "input_format": "org.apache.hadoop.mapred.TextInputFormat",
        "output_format": f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
        "serde_info": glue.CfnTable.SerdeInfoProperty(
            serialization_library="org.openx.data.jsonserde.JsonSerDe",
            parameters={
                # Glue's columns are in lower case, unlike the archive's fields.
                "case.insensitive": "true",
                "ignore.malformed.json": str(table.skips_malformed).lower(),
            },
        ),
    }
