"""Build the documentation site in ``build/site``: ``python -m docs``.

The pages are written for the repository, with links to code and to each other. They are copied to
``build/docs`` with the README first. Each file that they link to outside the pages becomes a page
of its own, so that links to code work without a network. Each picture links to its file, to be
opened at full size. `zensical.toml` has the other settings.
"""

from __future__ import annotations

import os.path
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from docs import code_pages, notebook, schemas

PROJECT = Path(__file__).resolve().parents[1]
GATHERED = PROJECT / "build" / "docs"
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
}
"""Pages outside ``docs``, and their names on the site."""
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
_PICTURE = re.compile(r"(?<=\n\n)!\[[^\]]*\]\((?P<place>[^)\s]+)\)(?=\n\n)")
"""A picture in a paragraph of its own; a badge shares one."""
_CODE_BLOCK = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^#+ `(.*)`\n\n(.+(?:\n.+)*)", re.MULTILINE)
"""A command's name, and the first paragraph of its help."""
_SHORTENED = re.compile(r"^\* `(\w[\w-]*)`: .*\.\.\.$", re.MULTILINE)


class DeadLink(ValueError):
    """A page links to a file that is not in the repository."""


def gather(target: Path = GATHERED) -> None:
    """Write every page with its images to a new folder.

    Raises
    ------
    DeadLink
    """
    shutil.rmtree(target, ignore_errors=True)
    code: set[Path] = set()
    for path in files():
        place = target / _place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            place.write_text(_rewritten(path, code))
        else:
            shutil.copyfile(path, place)
    code_pages.write(code, PROJECT, target)
    (target / "decisions" / "index.md").write_text(_decisions(target / "decisions"))
    (target / "schemas.md").write_text(schemas.write(target / "schemas"))
    (target / "notebook.md").write_text(_opening(notebook.page(target / "images")))
    _write_commands(target / "cli.md")


@cache
def files() -> list[Path]:
    """Return the pages and their images."""
    tools = {".py", ".pyc", ".toml", ".txt"}
    found = [path for path in (PROJECT / "docs").rglob("*") if path.suffix not in tools]
    return sorted(path for path in [*found, *map(PROJECT.joinpath, ROOT_PAGES)] if path.is_file())


def _place(path: Path) -> str:
    """Return a file's path on the site."""
    within = path.relative_to(PROJECT).as_posix()
    return ROOT_PAGES.get(within) or within.removeprefix("docs/")


def _rewritten(path: Path, code: set[Path]) -> str:
    """Return a page with the site's links; add the code that it links to."""
    parts = _CODE_BLOCK.split(path.read_text())
    # The pattern is one group: every other part is a code block, without links.
    parts[::2] = [LINK.sub(lambda link: _link(path, link, code), part) for part in parts[::2]]
    return _opening("".join(parts))


def _opening(text: str) -> str:
    """Let each picture of a page open its file."""
    return _PICTURE.sub(lambda picture: f"[{picture[0]}]({picture['place']})", text)


def _link(page: Path, link: re.Match[str], code: set[Path]) -> str:
    target, anchor = link["target"], link["anchor"] or ""
    if not target or "://" in target:
        return link[0]
    path = Path(os.path.normpath(page.parent / target))
    if not path.is_relative_to(PROJECT):
        return ""  # a badge from GitHub
    if not path.exists():
        raise DeadLink(f"{page.relative_to(PROJECT)} links to {target}, which does not exist")
    if path == PROJECT / "docs" / "decisions":
        path /= "index.md"
    elif path == notebook.NOTEBOOK:
        path = path.with_suffix(".md")
    elif path not in files():
        code.add(path)
        return _linked(page, code_pages.place(path.relative_to(PROJECT)), link["text"])
    return link["image"] + _linked(page, _place(path) + anchor, link["text"])


def _linked(page: Path, place: str, text: str) -> str:
    return f"[{text}]({os.path.relpath(place, Path(_place(page)).parent)})"


def _decisions(folder: Path) -> str:
    lines = [
        f"- [{page.read_text().splitlines()[0].removeprefix('# ')}]({page.name})"
        for page in sorted(folder.glob("0*.md"))
    ]
    return "\n".join(
        ["# Decisions", "", "One page per decision, with its reasons.", "", *lines, ""]
    )


def _write_commands(page: Path) -> None:
    named = ("--title", "Command line", "--name", "stresswatch", "--output", str(page))
    _run("typer", "cli.main", "utils", "docs", *named)
    page.write_text(_with_whole_entries(page.read_text()))


def _with_whole_entries(page: str) -> str:
    """Return Typer's page with whole entries in lists of commands, which Typer shortens."""
    said = {name: " ".join(text.split()) for name, text in _COMMAND.findall(page)}
    first, *sections = re.split(r"^(?=#+ `)", page, flags=re.MULTILINE)

    def whole(group: str, section: str) -> str:
        return _SHORTENED.sub(lambda one: f"* `{one[1]}`: {said[f'{group} {one[1]}']}", section)

    return whole("stresswatch", first) + "".join(
        whole(section.split("`")[1], section) for section in sections
    )


def _run(program: str, *arguments: str) -> None:
    """Run a program of the virtual environment.

    Raises
    ------
    subprocess.CalledProcessError
    """
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    subprocess.run(command, cwd=PROJECT, check=True)  # noqa: S603


def main() -> int:
    """Gather the pages and build the site; return the exit code."""
    gather()
    try:
        _run("zensical", "build", "--clean", "--strict")
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
