"""Settings of a function, read once from its environment."""

from __future__ import annotations

import os


class MissingSetting(LookupError):
    """An environment variable that the function cannot do without is not set."""


def setting(name: str) -> str:
    """Read a setting that must be there.

    Raises
    ------
    MissingSetting
    """
    value = os.environ.get(name)
    if not value:
        raise MissingSetting(f"the environment variable {name} must be set; see cdk_app/")
    return value
