"""The settings of `up --set`, kept for the next `up`, which would otherwise remove resources.

A stack that samples no posts has no label queue, so a plain `up` would delete an existing one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cli.errors import OperatorError

SETTINGS_FILE = "settings.json"
Settings = Mapping[str, Mapping[str, object]]
"""Values by group and name."""


class KeptSettings:
    """The settings of a local stack that differ from stage dev's, in a file of its folder.

    Raises
    ------
    OperatorError
        When the file has other content.
    """

    def __init__(self, directory: Path):
        self._file = directory / SETTINGS_FILE
        self.values: dict[str, dict[str, object]] = {}
        if not self._file.is_file():
            return
        try:
            found = json.loads(self._file.read_text())
            self.values = {group: dict(values) for group, values in found.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise OperatorError(
                f"{self._file} does not hold settings of `stresswatch up --set`; delete it."
            ) from error

    def __str__(self) -> str:
        return ", ".join(
            f"{group}.{name}={json.dumps(value)}"
            for group, values in self.values.items()
            for name, value in values.items()
        )

    def change(self, changed: Settings) -> None:
        """Set values; keep the others."""
        for group, values in changed.items():
            self.values.setdefault(group, {}).update(values)

    def write(self) -> None:
        """Write the file if there is something to keep."""
        if self.values:
            self._file.write_text(json.dumps(self.values, indent=2))
