"""An event source mapping of the deployed stack, as the pollers need it."""

from __future__ import annotations

from dataclasses import dataclass

from local.endpoint import Endpoint
from local.errors import UnsupportedTemplate
from local.event_source_mapping.batching import MappingSettings

_S3_ARN = "arn:aws:s3:::"


@dataclass(frozen=True)
class EventSourceMapping:
    """An event source mapping, with its stream, function and destination."""

    mapping_id: str
    settings: MappingSettings
    stream_arn: str
    function_arn: str
    role_arn: str
    failure_bucket: str | None

    @classmethod
    def describe(cls, mapping_id: str, endpoint: Endpoint) -> EventSourceMapping:
        """Read a mapping of the deployed stack.

        Raises
        ------
        UnsupportedTemplate
            When a setting is unsupported locally.
        """
        functions = endpoint.client("lambda")
        description = functions.get_event_source_mapping(UUID=mapping_id)
        settings = MappingSettings.from_description(description)
        if settings.starting_position == "AT_TIMESTAMP" or description.get("FilterCriteria"):
            raise UnsupportedTemplate(
                f"the mapping of {description['EventSourceArn']} filters, or starts at a time"
            )
        destination = (
            description.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        )
        if destination and not destination.startswith(_S3_ARN):
            raise UnsupportedTemplate(f"the failure destination {destination} is not an S3 bucket")
        function_arn = description["FunctionArn"]
        function = functions.get_function_configuration(FunctionName=function_arn)
        return cls(
            mapping_id=mapping_id,
            settings=settings,
            stream_arn=description["EventSourceArn"],
            function_arn=function_arn,
            role_arn=function["Role"],
            failure_bucket=destination.removeprefix(_S3_ARN) if destination else None,
        )
