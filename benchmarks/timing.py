"""Timing on a noisy machine: works take turns on one core, and every figure has its spread."""

from __future__ import annotations

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
    """What is timed, and on how many units (records, characters) it works."""

    run: Callable[[], object]
    units: int = 1


@dataclass(frozen=True)
class Spread:
    """A figure over several rounds: the median, the lowest and the highest seen."""

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
    """Return each work's seconds a unit, round by round; one round before the first is not counted.

    What slows the machine down for a while slows all works, so that their ratios hold. The clock
    counts this process's time on the processor, unless another is given.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in works}
    for counted in range(-1, rounds):
        for name, (run, units) in works.items():
            started = clock()
            run()
            if counted >= 0:
                seconds[name].append((clock() - started) / units)
    return seconds


def rate(seconds: Sequence[float]) -> Spread:
    """Return units a second."""
    return Spread.of([1 / each for each in seconds])


def speedup(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return how many times as fast as theirs ours is, each round compared with itself."""
    return Spread.of([b / a for a, b in zip(ours, theirs, strict=True)])


def growth(measured: Sequence[tuple[int, float]]) -> list[float]:
    """Return the slopes of log seconds over log units between neighbours: 1 is in proportion."""
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
    """Name the machine that the figures come from."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
