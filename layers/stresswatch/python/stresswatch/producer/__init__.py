"""A client for writing to the posts stream: `Producer`."""

from stresswatch.errors import ProducerError
from stresswatch.producer.client import Producer
from stresswatch.producer.errors import NotTaken, ProducerClosed, ProducerFull
from stresswatch.producer.metrics import Metrics, Request
from stresswatch.producer.records import InvalidRecord, partition_key, post_to_record

__all__ = [
    "InvalidRecord",
    "Metrics",
    "NotTaken",
    "Producer",
    "ProducerClosed",
    "ProducerError",
    "ProducerFull",
    "Request",
    "partition_key",
    "post_to_record",
]
