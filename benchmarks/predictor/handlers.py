"""The predictor's handler with a local model, and events for it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lambdas.predictor import handler as predictor_module
from stresswatch.contracts.identity import KEY_LENGTH
from stresswatch.contracts.labelled_posts import LabelledPost
from stresswatch.contracts.posts import post_record
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.model.artefact import Artefact
from stresswatch.versions.champion import ChampionCache, Pointer, ServedModel
from stresswatch.versions.shadow import ShadowCache, ShadowPointer
from verification.lambda_context import CONTEXT


class _Sink:
    """A stub that accepts and drops the handler's writes."""

    def put_object(self, **_: object) -> None:
        pass

    def put_records(self, *, StreamName: str, Records: Sequence[object]) -> dict[str, Any]:  # noqa: N803
        return {"Records": [{"ShardId": StreamName, "SequenceNumber": "1"}] * len(Records)}


@contextlib.contextmanager
def handler_of(artefact: Artefact, challenger: Artefact | None = None) -> Any:
    """Let the handler serve a model, and optionally a challenger, with a stub of AWS."""
    served = ServedModel(Pointer("v1", "s3://models/v1/", "0" * 64), artefact)
    sink: Any = _Sink()
    stubbed = predictor_module.Predictor(
        stage="dev",
        champion=ChampionCache(lambda: served.pointer, lambda _: served, 3600, lambda _: None),
        s3=sink,
        kinesis=sink,
        predictions_stream="predictions",
        archive_bucket="archive",
        quarantine_bucket="quarantine",
        explains=ReasonsPolicy.ON_REQUEST,
        read_key=lambda: b"k" * KEY_LENGTH,
        shadow=_shadow_of(challenger, sink) if challenger else None,
    )
    (log,) = predictor_module.logger.handlers
    with (
        patch.object(predictor_module, "predictor", lambda: stubbed),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        patch.object(log, "stream", nowhere),
    ):
        yield


def _shadow_of(challenger: Artefact, sink: Any) -> predictor_module.Shadow:
    served = ServedModel(Pointer("v2", "s3://models/v2/", "0" * 64), challenger)
    pointer = ShadowPointer(served.pointer, datetime.now(UTC) + timedelta(days=1))
    cache = ShadowCache(lambda: pointer, lambda _: served, 3600)
    return predictor_module.Shadow("dev", cache, sink, "archive")


def handle(events: Sequence[dict[str, Any]]) -> Callable[[], object]:
    return lambda: [predictor_module.handler(event, CONTEXT) for event in events]


def event_of(posts: Sequence[LabelledPost]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000000:{place}",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/posts",
                "kinesis": {
                    "sequenceNumber": str(place),
                    "data": base64.b64encode(payload(labelled)).decode(),
                    "approximateArrivalTimestamp": 1_763_900_000.0,
                },
            }
            for place, labelled in enumerate(posts)
        ]
    }


def payload(labelled: LabelledPost) -> bytes:
    return json.dumps(post_record(labelled.post)).encode()
