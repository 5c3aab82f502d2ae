"""Sample output in the documentation: compared with real output by its words, never by numbers."""

from __future__ import annotations

import re

from docs.__main__ import PROJECT
from tests.documented import blocks

LEFT_OUT = "…"
_PROMPT = "$ "
_FRAME = re.compile("[─━┌┐└┘├┤┬┴┼┏┓┗┛┡┩╇┳┻╋]{2,}")
_VARIES = re.compile(r"\S*\d[\w.,:%-]*")


def samples(page: str) -> dict[str, list[str]]:
    """Return the sample output of each command on a page: lines behind its prompt."""
    found: dict[str, list[str]] = {}
    for language, block in blocks((PROJECT / page).read_text()):
        if language != "text":
            continue
        for part in block.split(f"\n{_PROMPT}"):
            command, *lines = part.removeprefix(_PROMPT).splitlines()
            found[command] = [line for line in lines if line]
    return found


def shape(line: str) -> str:
    """Return a line's words: numbers, times and ids as ``#``, and frames and blanks as blanks."""
    return " ".join(_VARIES.sub("#", _FRAME.sub(" ", line)).split())


def missing(sample: list[str], output: str) -> list[str]:
    """Return the sample's lines that the output lacks in their order.

    Lines may be left out between any two; a line that ends in ``…`` is the beginning of one.
    """
    real = [shape(line) for line in output.splitlines()]
    lacking = []
    for line in sample:
        if line == LEFT_OUT:
            continue
        begins = shape(line.removesuffix(LEFT_OUT))
        is_whole = not line.endswith(LEFT_OUT)
        places = [
            place
            for place, one in enumerate(real)
            if (one == begins if is_whole else one.startswith(begins))
        ]
        if places:
            real = real[places[0] + 1 :]
        else:
            lacking.append(line)
    return lacking
