"""Fuzz the predictor: posts must be predicted, and all other input quarantined.

``python -m verification.fuzz [--inputs N] [--seed N] [--json]`` feeds records to the predictor's
handler: random bytes, mutated posts, and objects with odd values. Each must give exactly one
prediction, whose message and archive row are plain, short JSON, or one quarantined record with the
original payload.

``--envelopes N`` feeds this number of events with changes around the records, and events of other
services. The handler must answer with one prediction or quarantined record for each record, or
reject the event with one short error of this project before any write. No post text may be in an
error or in the log.

Exits with 1 at the first batch or event that breaks this, and prints the seed to repeat it.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import resource
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass

from verification.faults.in_process import quiet, without_threads
from verification.faults.posts import MARKER, valid_posts
from verification.faults.runner import models
from verification.fuzz import envelopes
from verification.fuzz.inputs import draw
from verification.fuzz.predictor import SOURCE, Broken, FuzzedPredictor, fuzzed_predictor, require

BATCH_SIZE = 50


@dataclass(frozen=True)
class Report:
    """The inputs, and the results."""

    inputs: int
    seed: int
    predicted: int
    quarantined: dict[str, int]
    slowest_batch_seconds: float
    peak_mb_at_a_tenth: float
    peak_mb: float
    seconds: float


@dataclass(frozen=True)
class EnvelopeReport:
    """The results for changed events."""

    events: int
    seed: int
    answered: int
    refused: int
    peak_mb: float
    seconds: float


def fuzz(inputs: int, seed: int) -> Report:
    """Feed a number of inputs.

    Raises
    ------
    Broken
        With the batch's own seed in its message.
    """
    counted: Counter[str] = Counter()
    slowest, early_peak, began = 0.0, 0.0, time.perf_counter()
    with fuzzed_predictor() as predictor:
        for first in range(0, inputs, BATCH_SIZE):
            chance = random.Random(f"{seed} {first}")  # noqa: S311 - no secret
            batch = [draw(chance) for _ in range(min(BATCH_SIZE, inputs - first))]
            started = time.perf_counter()
            try:
                counted += predictor.feed(batch)
            except Broken as error:
                error.add_note(f"batch {first // BATCH_SIZE} of --seed {seed} --inputs {inputs}")
                raise
            slowest = max(slowest, time.perf_counter() - started)
            if first < inputs / 10:
                early_peak = _peak_mb()
    predicted = counted.pop("predicted", 0)
    return Report(
        inputs=inputs,
        seed=seed,
        predicted=predicted,
        quarantined=dict(sorted(counted.items())),
        slowest_batch_seconds=slowest,
        peak_mb_at_a_tenth=early_peak,
        peak_mb=_peak_mb(),
        seconds=time.perf_counter() - began,
    )


def fuzz_envelopes(events: int, seed: int) -> EnvelopeReport:
    """Feed a number of events.

    Raises
    ------
    Broken
        With the event's own seed in its message, except for text in the log at the end.
    """
    began = time.perf_counter()
    payloads = [data for data, _ in valid_posts(seed=5)]
    answered = 0
    with quiet() as log, without_threads():
        predictor = FuzzedPredictor(models()[0])
        for place in range(events):
            chance = random.Random(f"envelope {seed} {place}")  # noqa: S311 - no secret
            try:
                answered += predictor.feed_event(envelopes.draw(chance, payloads, SOURCE))
            except Broken as error:
                error.add_note(f"event {place} of --seed {seed} --envelopes {events}")
                raise
        log.seek(0)
        require(not any(MARKER in line for line in log), "a post's text is in the log")
    return EnvelopeReport(
        events=events,
        seed=seed,
        answered=answered,
        refused=events - answered,
        peak_mb=_peak_mb(),
        seconds=time.perf_counter() - began,
    )


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Fuzz, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--envelopes", type=int, help="as many events instead of payloads")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    arguments = parser.parse_args()
    logging.disable()
    try:
        if arguments.envelopes:
            report = asdict(fuzz_envelopes(arguments.envelopes, arguments.seed))
        else:
            report = asdict(fuzz(arguments.inputs, arguments.seed))
    except Broken as error:
        sys.exit("; ".join([f"broken: {error}", *getattr(error, "__notes__", [])]))
    if arguments.json:
        json.dump(report, sys.stdout, indent=2)
    else:
        for name, value in report.items():
            print(f"{name.replace('_', ' ')}: {value}")  # noqa: T201 - the benchmark's output


if __name__ == "__main__":
    main()
