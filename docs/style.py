"""Check the style of all prose: ``python -m docs.style [FILE ...]``.

``docs/style.toml`` has the rules. Without arguments, every file is checked, and the word rates of
each group of pages in `docs.prose`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

from docs import prose
from docs.packages import PACKAGES, PROJECT
from docs.prose import CODE, WORD, Piece

RULES = tomllib.loads((PROJECT / "docs" / "style.toml").read_text())
_SENTENCE = re.compile(r"\S.*?(?:[.!?]['\")]*(?=\s)|\Z)", re.DOTALL)
_NUMBER = re.compile(r"^\d+\. ")


def sources() -> list[Path]:
    """Return every page, template and Python file of the project."""
    folders = [*PACKAGES[1:], "layers", "tests"]
    kinds = ("*.py", "*.j2")
    found = [
        path for folder in folders for kind in kinds for path in (PROJECT / folder).rglob(kind)
    ]
    return sorted([*found, *PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])


def faults(path: Path) -> list[str]:
    """Return the faults in a file, each after its line number."""
    found = {
        (piece.line + piece.text.count("\n", 0, offset), fault)
        for piece in prose.read(path)
        for offset, fault in _faults(piece)
    }
    return [f"{line}: {fault}" for line, fault in sorted(found)]


def _faults(piece: Piece) -> Iterator[tuple[int, str]]:
    """Yield each fault in a piece, with its offset."""
    if piece.kind == "link":
        if piece.text.strip().lower() in RULES["link_texts"]:
            yield 0, f'link text "{piece.text}": name the target'
        return
    yield from _forbidden(piece.text, RULES["phrases"])
    if piece.kind == "heading":
        title = _NUMBER.sub("", piece.text)
        yield from _forbidden(title, RULES["headings"])
        yield from _long(0, title, "heading")
    if piece.kind == "name":
        yield from _forbidden(piece.text, RULES["names"])
    if piece.kind == "text":
        for sentence in _SENTENCE.finditer(piece.text):
            yield from _long(sentence.start(), sentence[0], "sentence")


def _forbidden(text: str, patterns: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    anyone = rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)"
    for match in re.finditer(anyone, text.replace("\n", " "), re.IGNORECASE):
        instead = (
            instead
            for pattern, instead in patterns.items()
            if re.fullmatch(pattern, match[0], re.IGNORECASE)
        )
        yield match.start(), f'"{match[0]}": {next(instead)}'


def _long(offset: int, text: str, kind: str) -> Iterator[tuple[int, str]]:
    words, most = len(WORD.findall(text)) + text.count(CODE), RULES[f"{kind}_words"]
    if words > most:
        yield offset, f"{kind} of {words} words: at most {most}"


def check() -> list[str]:
    """Return the faults in every file, and the rates above their limits."""
    wrong = [
        f"{name}:{fault}"
        for path in sources()
        if (name := path.relative_to(PROJECT).as_posix()) not in RULES["word_lists"]
        for fault in faults(path)
    ]
    for name, pages in prose.groups().items():
        counts = prose.count(piece for page in pages for piece in prose.read(page))
        wrong += [f"{name}: too many {kind}" for kind in prose.over(prose.rates(counts))]
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.style", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="Files to check; by default, all.")
    given = parser.parse_args()
    if given.files:
        wrong = [f"{path}:{fault}" for path in given.files for fault in faults(path)]
    else:
        wrong = check()
    for line in wrong:
        Console(soft_wrap=True).print(line, highlight=False, markup=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
