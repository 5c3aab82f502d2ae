"""Deliver records to the predictor like the event source mapping, at their original positions."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cli.errors import OperatorError, PredictorFailed
from cli.replay.held_objects import EventRecord, sequence_number

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_ATTEMPTS = 6
_FIRST_WAIT_SECONDS = 0.5
_CRASHES_IN_A_ROW = 5


class Delivered(NamedTuple):
    """The result for some records.

    Attributes
    ----------
    done : frozenset of str
        Sequence numbers of predicted or quarantined records.
    crash : str or None
        Type of the predictor's error on a single record.
    """

    done: frozenset[str]
    crash: str | None = None


@dataclass
class Delivery:
    """Invoke the predictor, and bisect batches that it fails on."""

    functions: LambdaClient
    function: str
    sleep: Callable[[float], None]
    _crashes: int = field(default=0, init=False)

    def deliver(self, records: Sequence[EventRecord]) -> Iterator[Delivered]:
        """Deliver records of one shard, and report the results step by step.

        Raises
        ------
        OperatorError
            When the predictor makes no progress; unreported records are unfinished.
        """
        waiting = [list(records)]
        while waiting:
            batch = waiting.pop()
            try:
                yield from self._finish(batch)
            except PredictorFailed as error:
                if len(batch) > 1:
                    half = len(batch) // 2
                    waiting += [batch[half:], batch[:half]]
                else:
                    yield self._give_up(str(error))

    def _finish(self, batch: list[EventRecord]) -> Iterator[Delivered]:
        """Deliver a batch until it is finished, from the first unfinished record on."""
        tried = 0
        while batch:
            finished = self._invoke(batch)
            if finished:
                self._crashes = tried = 0
                yield Delivered(frozenset(map(sequence_number, batch[:finished])))
                del batch[:finished]
                continue
            tried += 1
            if tried == _ATTEMPTS:
                raise OperatorError(
                    "The predictor runs, but cannot finish. Find the cause in its log, and the "
                    "fix in docs/runbooks/partial-batch-failures.md. Then run this again."
                )
            self.sleep(random.uniform(0, _FIRST_WAIT_SECONDS * 2**tried))  # noqa: S311 - no secret

    def _invoke(self, batch: Sequence[EventRecord]) -> int:
        """Return the number of finished records from the first on."""
        answer = self.functions.invoke(
            FunctionName=self.function, Payload=json.dumps({"Records": batch}).encode()
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise PredictorFailed(payload.get("errorType", answer["FunctionError"]))
        failures = payload["batchItemFailures"]
        if not failures:
            return len(batch)
        return [sequence_number(record) for record in batch].index(failures[0]["itemIdentifier"])

    def _give_up(self, crash: str) -> Delivered:
        self._crashes += 1
        if self._crashes == _CRASHES_IN_A_ROW:
            raise OperatorError(
                f"The predictor failed on several records in a row ({crash}). Follow "
                "docs/runbooks/function-errors.md, then run this again."
            )
        return Delivered(frozenset(), crash)
