"""Timing on a noisy machine: several rounds on one core, with the spread beside the figure."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """Records a second over several rounds: the median, and the lowest and highest seen."""

    median: float
    lowest: float
    highest: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.median:,.0f} ({self.lowest:,.0f} to {self.highest:,.0f})"


def rate(work: Callable[[], object], records: int, rounds: int) -> Rate:
    """Time work on a number of records; one round before the first is not counted."""
    work()
    seen = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        seen.append(records / (time.perf_counter() - started))
    return Rate(statistics.median(seen), min(seen), max(seen), rounds)


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
