"""State machine definitions in a template: JSON text with CloudFormation functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.errors import UnsupportedTemplate

_TOKEN = re.compile(r"(@@intrinsic-\d+@@)")


@dataclass
class Definition:
    """A definition as data, in which tokens stand for the template's functions (`Fn::GetAtt` …)."""

    states: dict[str, Any]
    _intrinsics: list[Any] = field(default_factory=list)

    @classmethod
    def parse(cls, text: Any) -> Definition:
        """Read the property `DefinitionString`: text, or text joined with functions.

        Raises
        ------
        UnsupportedTemplate
        """
        match text:
            case str():
                pieces: list[Any] = [text]
            case {"Fn::Join": ["", list(pieces)]}:
                pass
            case _:
                raise UnsupportedTemplate("a state machine's DefinitionString has an unknown form")
        definition = cls({})
        joined = "".join(
            piece if isinstance(piece, str) else definition.token(piece) for piece in pieces
        )
        definition.states = json.loads(joined)
        return definition

    def token(self, intrinsic: Any) -> str:
        """Return a token for a function of the template."""
        if intrinsic not in self._intrinsics:
            self._intrinsics.append(intrinsic)
        return f"@@intrinsic-{self._intrinsics.index(intrinsic)}@@"

    def resolve(self, text: str) -> Any:
        """Return text in the template's form: a function, text, or both joined."""
        pieces = [self._piece(piece) for piece in _TOKEN.split(text) if piece]
        return pieces[0] if len(pieces) == 1 else {"Fn::Join": ["", pieces]}

    def render(self) -> Any:
        """Return the property `DefinitionString`."""
        return self.resolve(json.dumps(self.states))

    def _piece(self, piece: str) -> Any:
        if not _TOKEN.fullmatch(piece):
            return piece
        return self._intrinsics[int(piece.strip("@").removeprefix("intrinsic-"))]


def map_tasks(states: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Change every task state, including those in Map and Parallel states."""
    if isinstance(states, list):
        return [map_tasks(item, change) for item in states]
    if not isinstance(states, dict):
        return states
    if states.get("Type") == "Task":
        return change(states)
    return {name: map_tasks(value, change) for name, value in states.items()}
