"""The environments of all functions."""

from __future__ import annotations

import stresswatch.monitoring.environments
import stresswatch.rates.environments
import stresswatch.retraining.environments
import stresswatch.serving.environments
import stresswatch.settled.environments
from stresswatch.aws.environment import Environment


def every_environment() -> list[type[Environment]]:
    """Return the environment of each function."""
    modules = (
        stresswatch.monitoring.environments,
        stresswatch.rates.environments,
        stresswatch.retraining.environments,
        stresswatch.serving.environments,
        stresswatch.settled.environments,
    )
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Environment) and kind is not Environment
    ]
