"""Timing on a noisy machine: works alternate on one core, and every result has its spread."""

from __future__ import annotations

import gc
import itertools
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Work(NamedTuple):
    """A timed work, and its number of units (records, characters)."""

    run: Callable[[], object]
    units: int = 1


@dataclass(frozen=True)
class Spread:
    """Results of several rounds: the median, the lowest and the highest."""

    median: float
    lowest: float
    highest: float
    rounds: int

    @staticmethod
    def of(figures: Sequence[float]) -> Spread:
        return Spread(statistics.median(figures), min(figures), max(figures), len(figures))


def time_in_turns(
    works: Mapping[Name, Work],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[Name, list[float]]:
    """Return each work's seconds per unit by round, after one uncounted round.

    A temporary slowdown of the machine affects all works, so their ratios stay valid. The default
    clock is this process's processor time. Garbage collections leave out the inputs of all works,
    which no work alone would have in memory.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in works}
    for run, _ in works.values():
        run()
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, (run, units) in works.items():
            started = clock()
            run()
            seconds[name].append((clock() - started) / units)
    gc.unfreeze()
    return seconds


def rate(seconds: Sequence[float]) -> Spread:
    """Return units per second."""
    return Spread.of([1 / each for each in seconds])


def speedup(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return the ratio of speeds, ours to theirs, within each round."""
    return Spread.of([b / a for a, b in zip(ours, theirs, strict=True)])


def growth(measured: Sequence[tuple[int, float]]) -> list[float]:
    """Return the slopes of log seconds over log units between neighbours: 1 is linear."""
    return [
        math.log(later / sooner) / math.log(more / less)
        for (less, sooner), (more, later) in itertools.pairwise(measured)
    ]


def use_one_core() -> None:
    """Keep this process on one core; call before numpy is imported to bind its threads too."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def machine() -> str:
    """Describe the machine of the measurement."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
