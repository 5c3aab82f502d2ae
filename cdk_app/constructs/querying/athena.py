"""Tables, saved queries and a workgroup of Athena, over what the stack wrote."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.querying.athena_tables import (
    TABLES,
    Format,
    Table,
    database_of,
    saved_queries,
)
from cdk_app.settings.stage import Stage
from stresswatch.aws.stack_outputs import stack_name
from stresswatch.storage.prefixes import QUERY_RESULTS

_HIVE = "org.apache.hadoop.hive.ql.io"


class Querying(Construct):
    """Glue's database and tables, and the workgroup that queries them.

    Whoever queries reads the buckets in their own name: nothing here may read anything.

    Attributes
    ----------
    database : glue.CfnDatabase
    workgroup : athena.CfnWorkGroup
        Its settings bind whoever queries in it: where results go, their key, the scan limit.
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
                description="What Stresswatch predicted, refused and was told",
            ),
        )
        for table in TABLES:
            self._table(table)
        self.workgroup = self._workgroup(stage)
        for query in saved_queries(stage.name):
            athena.CfnNamedQuery(
                self,
                "".join(word.capitalize() for word in query.name.split("_")),
                name=query.name,
                description=query.description,
                database=self.database.ref,
                query_string=query.sql,
                work_group=self.workgroup.ref,
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
            f"{table.name.capitalize()}Table",
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

    def _workgroup(self, stage: Stage) -> athena.CfnWorkGroup:
        archive = self._storage.archive
        return athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=stack_name(stage.name),
            description="Queries of what Stresswatch wrote, each up to a limit",
            # Its contents are saved queries, which are here, and the history of the others.
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=stage.querying.scan_limit_mb * 1_000_000,
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


def _reading(table: Table) -> dict[str, Any]:
    """Return the part of a storage descriptor that says how Athena reads an object."""
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
                # Columns of Glue are in lower case, fields of the archive are not.
                "case.insensitive": "true",
                "ignore.malformed.json": str(table.skips_malformed).lower(),
            },
        ),
    }
