"""Processor time of this process's local stack, as Linux counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PRODUCER = "producer: this process"
_PARTS = (
    (b"ministack-lambda", "functions"),
    (b"local.emulator.process", "emulator"),
    (b"\0-m\0local\0", "event source mapping, metrics, alarms"),
)


class Process(NamedTuple):
    """A process, and its processor seconds so far."""

    pid: int
    parent: int
    command: bytes
    seconds: float


def processor_seconds() -> dict[str, float]:
    """Return the processor seconds so far of this process and its stack, by part."""
    return by_part(_processes(), os.getpid())


def by_part(processes: Iterable[Process], own: int) -> dict[str, float]:
    """Add up the seconds of a process and its descendants, by part of the stack."""
    known = {one.pid: one for one in processes}
    seconds = dict.fromkeys([PRODUCER, *(part for _, part in _PARTS)], 0.0)
    for one in known.values():
        part = next((part for sign, part in _PARTS if sign in one.command), None)
        if one.pid == own:
            seconds[PRODUCER] += one.seconds
        elif part and _descends(one, own, known):
            seconds[part] += one.seconds
    return seconds


def _descends(process: Process, own: int, known: dict[int, Process]) -> bool:
    while process.parent != own:
        if process.parent not in known:
            return False
        process = known[process.parent]
    return True


def _processes() -> list[Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        ticks = int(fields[11]) + int(fields[12])
        seconds = ticks / os.sysconf("SC_CLK_TCK")
        found.append(Process(int(folder.name), int(fields[1]), command, seconds))
    return found
