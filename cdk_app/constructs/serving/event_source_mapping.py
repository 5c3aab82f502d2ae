"""The event source mapping for the posts stream: batches, retries, failure destination."""

from __future__ import annotations

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk_app.constructs.platform.foundation import Foundation
from cdk_app.constructs.platform.functions import role_of


def deliver_posts(
    scope: Construct, foundation: Foundation, predictor: lambda_.Function | lambda_.Alias
) -> None:
    """Let Lambda read the posts stream, and retry unfinished records.

    A failed batch is halved and retried until its records are too old. Then the mapping writes it
    to the quarantine bucket, for `stresswatch replay`.
    """
    streaming = foundation.stage.streaming
    mapping = lambda_.CfnEventSourceMapping(
        scope,
        "PostsToPredictor",
        function_name=(
            predictor.function_arn
            if isinstance(predictor, lambda_.Alias)
            else predictor.function_name
        ),
        event_source_arn=foundation.streams.posts_source,
        starting_position="TRIM_HORIZON",
        batch_size=streaming.batch_size,
        maximum_batching_window_in_seconds=streaming.batch_window_seconds,
        parallelization_factor=streaming.parallelization_factor,
        bisect_batch_on_function_error=True,
        function_response_types=["ReportBatchItemFailures"],
        maximum_retry_attempts=-1,  # until a record is too old: docs/decisions/0012
        maximum_record_age_in_seconds=streaming.maximum_record_age_seconds,
        destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
            on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                destination=foundation.storage.quarantine.bucket_arn
            )
        ),
    )
    mapping.node.add_dependency(role_of(predictor))
