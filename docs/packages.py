"""The packages and their imports: ``python -m docs.packages`` writes them into CONTRIBUTING.md.

grimp finds the graph of imports; `tests/unit/test_structure.py` checks its directions.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Set
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

from docs.written_parts import replace_part

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "CONTRIBUTING.md"
DOMAIN = "stresswatch"
PACKAGES = (
    DOMAIN,
    "lambdas",
    "training_jobs",
    "grafana",
    "cdk_app",
    "local",
    "cli",
    "docs",
    "verification",
    "benchmarks",
    "examples",
)
"""Every top-level folder with Python, except the tests."""
FOLDERS = (
    "layers/stresswatch/python/stresswatch",
    "cdk_app/constructs",
    "local",
    "cli",
    "verification",
    "benchmarks",
)
"""Folders whose packages the map shows."""
Imports = Mapping[str, Set[str]]
"""Names of packages, and of their imports."""


def graph() -> grimp.ImportGraph:
    """Return the graph of imports: our modules, and each other package as one module."""
    if str(PROJECT) not in sys.path:
        sys.path.insert(0, str(PROJECT))
    # Imports for types only are never loaded, and make no cycle.
    return grimp.build_graph(
        *PACKAGES,
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def imports_between_packages(imports: grimp.ImportGraph) -> Imports:
    """Return the imports between top-level packages."""
    return {
        package: {
            other
            for module in imports.find_descendants(package) | {package}
            for imported in imports.find_modules_directly_imported_by(module)
            if (other := imported.partition(".")[0]) in PACKAGES and other != package
        }
        for package in PACKAGES
    }


def imports_between_children(imports: grimp.ImportGraph, package: str) -> Imports:
    """Return the imports between the direct members of a package."""
    start = f"{package}."
    return {
        child.removeprefix(start): {
            other
            for module in imports.find_descendants(child) | {child}
            for imported in imports.find_modules_directly_imported_by(module)
            if imported.startswith(start)
            and (other := imported.removeprefix(start).partition(".")[0])
            != child.removeprefix(start)
        }
        for child in imports.find_children(package)
    }


def table(imports: Imports) -> str:
    """Return the imports as a table of Markdown, without those that follow from others.

    Raises
    ------
    graphlib.CycleError
    """
    reached: dict[str, set[str]] = {}
    rows = []
    for name in TopologicalSorter(imports).static_order():
        direct = imports[name]
        further = set().union(*(reached[other] for other in direct))
        reached[name] = direct | further
        listed = ", ".join(f"`{other}`" for other in sorted(direct - further))
        rows.append(f"| `{name}` | {listed or 'none'} |")
    return "\n".join(["| package | imports |", "| --- | --- |", *sorted(rows), ""])


def folders() -> str:
    """Return the packages under `FOLDERS` as a table of Markdown, each with its own first line."""
    rows = ["| folder | what it holds |", "| --- | --- |"]
    for folder in FOLDERS:
        for source in sorted((PROJECT / folder).glob("*/__init__.py")):
            said = ast.get_docstring(ast.parse(source.read_text())) or ""
            path = source.parent.relative_to(PROJECT).as_posix()
            rows.append(f"| `{path}/` | {said.splitlines()[0]} |")
    return "\n".join([*rows, ""])


def written(page: str, imports: grimp.ImportGraph) -> str:
    """Return a page with updated tables.

    Raises
    ------
    MissingMarker
    """
    for name, part in (
        ("packages", table(imports_between_packages(imports))),
        ("domain", table(imports_between_children(imports, DOMAIN))),
        ("folders", folders()),
    ):
        page = replace_part(page, name, "docs.packages", part)
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(), graph()))
