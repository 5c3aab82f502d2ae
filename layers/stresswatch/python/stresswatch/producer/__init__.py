"""A client that puts posts on the posts stream: `Producer`."""

from stresswatch.producer.client import (
    InvalidRecord,
    Metrics,
    NotTaken,
    Producer,
    ProducerClosed,
    ProducerFull,
    Request,
    partition_key,
    post_to_record,
)

__all__ = [
    "InvalidRecord",
    "Metrics",
    "NotTaken",
    "Producer",
    "ProducerClosed",
    "ProducerFull",
    "Request",
    "partition_key",
    "post_to_record",
]
