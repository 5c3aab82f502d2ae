"""Pages of the site that show files of the repository.

A link to a file outside the pages leads to its content, and a link to a folder to a list of its
files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_LANGUAGES = {".cff": "yaml", ".py": "python", ".yml": "yaml", "Dockerfile": "docker"}
"""Languages that a file's suffix does not name."""
_OUTSIDE_SEARCH = "---\nsearch:\n  exclude: true\n---\n\n"
_FENCE = re.compile(r"`{3,}")


def place(within: Path) -> str:
    """Return the page of a file's path in the repository, under ``code/``."""
    # Zensical skips hidden folders.
    return f"code/{within.as_posix().removeprefix('.')}.md"


def write(paths: Iterable[Path], project: Path, target: Path) -> None:
    """Write a page for each file and folder, and for each text file in these folders."""
    linked = set(paths)
    for path in sorted(linked | {file for folder in linked for file in _shown(folder)}):
        within = path.relative_to(project)
        written = target / place(within)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(f"{_OUTSIDE_SEARCH}# `{within.as_posix()}`\n\n{_content(path)}\n")


def _content(path: Path) -> str:
    if path.is_dir():
        shown = _shown(path)
        return "\n".join(_entry(path, file, file in shown) for file in _files(path))
    text = path.read_text()
    fence = "`" * (1 + max(map(len, _FENCE.findall(text)), default=2))
    kind = path.suffix or path.name
    language = _LANGUAGES.get(kind, kind.removeprefix(".").lower())
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _entry(folder: Path, file: Path, shown: bool) -> str:
    name = f"`{file.relative_to(folder).as_posix()}`"
    return f"- [{name}]({file.relative_to(folder.parent).as_posix()}.md)" if shown else f"- {name}"


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix != ".pyc")


def _shown(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if _is_text(path)]


def _is_text(path: Path) -> bool:
    try:
        path.read_text()
    except UnicodeDecodeError:
        return False
    return True
