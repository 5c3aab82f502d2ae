"""One seed, from its schedule to its result."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cli.data.synthetic import generate_posts
from stresswatch.contracts.posts import Post
from stresswatch.model.sklearn_export import export_pipeline
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from verification.faults.in_process import quiet
from verification.faults.invariants import Examination, examine
from verification.faults.posts import valid_posts
from verification.faults.schedule import Schedule
from verification.faults.simulation import Model, Simulation


@dataclass(frozen=True)
class PlayedSchedule:
    """The injected faults of a seed, and the result."""

    seed: int
    injected: dict[str, int]
    outcome: Examination


def run(schedule: Schedule) -> PlayedSchedule:
    """Play a schedule, and check the invariants."""
    with tempfile.TemporaryDirectory() as folder, quiet() as log:
        simulation = Simulation(schedule, models(), challenger(), _posts(), Path(folder))
        simulation.run()
        log.seek(0)
        return PlayedSchedule(
            schedule.seed, dict(simulation.outages.injected), examine(simulation, log.read())
        )


@cache
def models() -> list[Model]:
    """Train three versions, each on different posts."""
    return [_model(place) for place in (1, 2, 3)]


@cache
def challenger() -> Model:
    """Train a version that is never promoted."""
    return _model(4)


def _model(place: int) -> Model:
    pipeline = fit_pipeline(generate_posts()[place::8], Hyperparameters())
    return Model.of(f"v{place}", export_pipeline(pipeline))


@cache
def _posts() -> list[tuple[bytes, Post]]:
    return valid_posts(seed=11)
