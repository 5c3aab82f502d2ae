"""Read prose, and count its words: ``python -m docs.prose [FILE ...]``.

The rates per 1,000 words are compared with those of Powertools for AWS Lambda (Python), whose
documentation is the model for ours. `docs.style` checks single sentences.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parents[1]
BASELINE = {"that": 4.7, "of": 9.1, "negatives": 3.6}
"""Occurrences per 1,000 words in Powertools' documentation (55,000 words)."""
FACTOR = 1.5
"""How many times its baseline a rate may be."""
CODE = "\ufffc"
"""Placeholder for inline code in prose, and for a value in a message."""
WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_COUNTED = {
    "that": r"that",
    "of": r"of",
    "negatives": r"no|not|none|nothing|nobody|never|neither|nor",
    "you": r"you|your|yours|yourself",
    "contractions": r"\w+['\u2019](?:t|re|ll|ve|d|m)|(?:it|that|there|here|what|let)['\u2019]s",
}
_GROUPS = {
    "README": "README.md",
    "docs": "docs/*.md",
    "decisions": "docs/decisions/*.md",
    "runbooks": "docs/runbooks/*.md",
    "project": "[!R]*.md",
}
_TERM = re.compile(r"^( *)(?![-*>]|\d+\.|.*[.:,;]$)\S.*$(?=\n\1 +\S)", re.MULTILINE)
"""A parameter, attribute or error in a docstring; its description is indented below it."""
_URL = re.compile(r"https?://\S+")
_DIRECTIVE = re.compile(r"(noqa|type:|pragma|ruff:|mypy:|!)")
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{[%#].*?[%#]\}", re.DOTALL)
_WITHIN_TEXT = {"a", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup"}
_NO_PROSE = {"code", "script", "style"}
_PARSER = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Piece:
    """A heading, paragraph, table cell, link text, message or test name, and its first line."""

    kind: Literal["heading", "text", "link", "message", "name"]
    line: int
    text: str


def read(path: Path) -> list[Piece]:
    """Return the prose in a page, template or Python file; a test's strings are left out."""
    if path.suffix == ".j2":
        text = _STATEMENT.sub(_lines, _EXPRESSION.sub(_value, path.read_text()))
        return [*_markdown(text)] if path.stem.endswith(".md") else Html(text).pieces
    if path.suffix == ".md":
        return [*_markdown(path.read_text())]
    return [*_python(path.read_text(), messages="tests" not in path.parts)]


def count(pieces: Iterable[Piece]) -> Counter[str]:
    """Count the words, and among them each kind; link texts are part of their paragraph."""
    words = [
        word
        for piece in pieces
        if piece.kind in ("heading", "text")
        for word in WORD.findall(piece.text.lower())
    ]
    kinds = {
        kind: sum(bool(re.fullmatch(pattern, word)) for word in words)
        for kind, pattern in _COUNTED.items()
    }
    return Counter(words=len(words), **kinds)


def rates(counts: Counter[str]) -> dict[str, float]:
    """Return the occurrences per 1,000 words."""
    return {kind: 1000 * counts[kind] / max(counts["words"], 1) for kind in _COUNTED}


def groups() -> dict[str, list[Path]]:
    """Return the pages of each part of the documentation."""
    return {name: sorted(PROJECT.glob(pattern)) for name, pattern in _GROUPS.items()}


def over(found: dict[str, float]) -> list[str]:
    """Return which rates are above their limits."""
    return [kind for kind, usual in BASELINE.items() if found[kind] > FACTOR * usual]


def _markdown(text: str, line: int = 1) -> Iterator[Piece]:
    kind: Literal["heading", "text"] = "text"
    start = 0
    for token in _PARSER.parse(text):
        start = token.map[0] if token.map else start
        kind = "heading" if token.type == "heading_open" else kind
        if token.type == "inline":
            yield from _inline(token.children or [], kind, line + start)
            kind = "text"


def _inline(children: list[Token], kind: Literal["heading", "text"], line: int) -> Iterator[Piece]:
    text, link = "", 0
    for child in children:
        match child.type:
            case "text":
                text += child.content
            case "softbreak" | "hardbreak":
                text += "\n"
            case "code_inline":
                text += CODE
            case "link_open":
                link = len(text)
            case "link_close":
                yield Piece("link", line + text.count("\n", 0, link), text[link:])
    yield Piece(kind, line, text)


def _lines(match: re.Match[str]) -> str:
    """Keep the line breaks of a removed part, and so the numbers of later lines."""
    return "\n" * match[0].count("\n")


def _value(match: re.Match[str]) -> str:
    return CODE + _lines(match)


class Html(HTMLParser):
    """The prose of a page in HTML, each block a piece."""

    def __init__(self, text: str):
        super().__init__()
        self.pieces: list[Piece] = []
        self._kind: Literal["heading", "text"] = "text"
        self._text = ""
        self._line = 1
        self._left_out = 0
        self.feed(text)
        self.close()
        self._end_block()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's own
        if tag not in _WITHIN_TEXT:
            self._end_block()
            self._kind = "heading" if re.fullmatch(r"h[1-6]|title", tag) else "text"
        self._left_out += tag in _NO_PROSE

    def handle_endtag(self, tag: str) -> None:
        self._left_out -= tag in _NO_PROSE
        self._text += CODE if tag == "code" else ""
        if tag not in _WITHIN_TEXT:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._left_out:
            self._line = self._line if self._text else self.getpos()[0]
            self._text += data

    def _end_block(self) -> None:
        if self._text.strip():
            self.pieces.append(Piece(self._kind, self._line, self._text))
        self._text, self._kind = "", "text"


def _python(source: str, *, messages: bool) -> Iterator[Piece]:
    for line, comment in _comments(source):
        yield from _markdown(comment, line)
    nodes: list[ast.AST] = [ast.parse(source)]
    while nodes:
        node = nodes.pop()
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                docstring = _TERM.sub(rf"\1- {CODE}.", _URL.sub(CODE, inspect.cleandoc(text)))
                yield from _markdown(docstring, node.lineno)
                continue
            case ast.FunctionDef(name=name) if name.startswith("test_"):
                yield Piece("name", node.lineno, name.removeprefix("test_").replace("_", " "))
                said = ""
            case ast.Constant(value=str(text)):
                said = text
            case ast.JoinedStr(values=values):
                said = "".join(
                    str(v.value) if isinstance(v, ast.Constant) else CODE for v in values
                )
            case _:
                said = ""
        if messages and said.strip().count(" ") > 1 and isinstance(node, ast.expr):
            yield Piece("message", node.lineno, said)
        if not isinstance(node, ast.JoinedStr):
            nodes += ast.iter_child_nodes(node)


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield each comment and its first line; adjacent lines are one comment."""
    block: list[str] = []
    begin = column = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _DIRECTIVE.match(token.string[1:].strip()):
            continue
        row, place = token.start
        alone = token.line.strip() == token.string
        if not (block and alone and row == begin + len(block) and place == column):
            if block:
                yield begin, "\n".join(block)
            block, begin, column = [], row, place
        block.append(token.string.removeprefix("#").strip())
    if block:
        yield begin, "\n".join(block)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m docs.prose", description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, help="Files to count; by default, all pages."
    )
    parser.add_argument("--check", action="store_true", help="Fail when a rate is above its limit.")
    given = parser.parse_args()
    table = Table("per 1,000 words", "words", *_COUNTED)
    failed = False
    for name, pages in ({str(path): [path] for path in given.files} or groups()).items():
        counts = count(piece for page in pages for piece in read(page))
        found = rates(counts)
        high = over(found)
        failed |= bool(high)
        cells = (f"{rate:.1f}{' !' if kind in high else ''}" for kind, rate in found.items())
        table.add_row(name, f"{counts['words']:,}", *cells)
    limits = (f"{FACTOR * usual:.1f}" for usual in BASELINE.values())
    table.add_row("at most", "", *limits)
    Console().print(table)
    sys.exit(1 if given.check and failed else 0)


if __name__ == "__main__":
    main()
