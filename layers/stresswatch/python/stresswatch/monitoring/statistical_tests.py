"""Evidently's statistical tests, without the rest of Evidently.

Its package imports all metrics, reports and web pages at once: 4 of the 5 seconds that the drift
function would otherwise need to start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_PACKAGE = "evidently"


@contextmanager
def _without_its_imports() -> Iterator[None]:
    """Import modules of Evidently without running its package's own file."""
    spec = PathFinder.find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None:
        yield
        return
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        yield
    finally:
        # A later import of the package gets all of it.
        del sys.modules[_PACKAGE]


with _without_its_imports():
    from evidently.legacy.calculations.stattests.registry import get_stattest
    from evidently.legacy.core import ColumnType

__all__ = ["ColumnType", "get_stattest"]
