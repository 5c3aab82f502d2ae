"""The project's own code in a container image, without a build.

This module follows the instructions for our code (`COPY`, `WORKDIR`, `CMD`, `ENTRYPOINT`). The
local stack's interpreter replaces those for the system and third-party packages (`FROM`, `RUN`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from local.errors import UnsupportedTemplate
from local.template.assembly import ImageAsset

_CONTINUED_LINE = re.compile(r"\\\n\s*")
_TASK_ROOT = "/var/task"
"""Working directory of Lambda's base images."""


@dataclass(frozen=True)
class Image:
    """Our files by path in the working directory, and the image's command."""

    tag: str
    files: dict[str, bytes]
    command: tuple[str, ...]
    entry_point: tuple[str, ...]


def read_image(asset: ImageAsset) -> Image:
    """Follow a Dockerfile.

    Raises
    ------
    UnsupportedTemplate
        When an instruction copies outside the working directory.
    """
    path = asset.context / asset.dockerfile
    working_directory = PurePosixPath(_TASK_ROOT)
    files: dict[str, bytes] = {}
    starts: dict[str, tuple[str, ...]] = {"CMD": (), "ENTRYPOINT": ()}
    text = _CONTINUED_LINE.sub(" ", path.read_text()).replace("${LAMBDA_TASK_ROOT}", _TASK_ROOT)
    for line in text.splitlines():
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "WORKDIR":
            working_directory = PurePosixPath(rest.strip())
        elif instruction == "COPY":
            *sources, target = rest.split()
            place = working_directory / target
            if not place.is_relative_to(working_directory):
                raise UnsupportedTemplate(f"{path}: `{line}` copies out of {working_directory}")
            into = place.relative_to(working_directory)
            is_folder = target.endswith("/") or into == PurePosixPath()
            for source in sources:
                files |= _copied(asset.context, source, into, is_folder=is_folder)
        elif instruction in starts:
            starts[instruction] = tuple(json.loads(rest))
    return Image(asset.tag, files, command=starts["CMD"], entry_point=starts["ENTRYPOINT"])


def _copied(
    context: Path, pattern: str, into: PurePosixPath, *, is_folder: bool
) -> dict[str, bytes]:
    copied: dict[str, bytes] = {}
    for source in sorted(context.glob(pattern)):
        if source.is_dir():
            copied |= {
                str(into / file.relative_to(source).as_posix()): file.read_bytes()
                for file in sorted(source.rglob("*"))
                if file.is_file()
            }
        else:
            copied[str(into / source.name if is_folder else into)] = source.read_bytes()
    if not copied:
        raise UnsupportedTemplate(f"{context}: nothing to copy for {pattern}")
    return copied
