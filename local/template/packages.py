"""Code zips of the local stack, in place of container images."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.template.container_images import Image

RUNNER = Path(__file__).parents[1] / "training_runner" / "handler.py"
CONTAINER_FOLDER = "container"
"""Folder of the training runner's package for the image's working directory."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A zip and its key, which is the same for the same content."""

    key: str
    content: bytes


def image_package(image: Image) -> Package:
    """Pack an image for a zip function.

    An image with its own entry point is a training container: its files go into a folder beside the
    training runner, which starts it. Any other image is a function's.
    """
    if not image.entry_point:
        return _package(image.files)
    container = {f"{CONTAINER_FOLDER}/{name}": content for name, content in image.files.items()}
    return _package({"handler.py": RUNNER.read_bytes()} | container)


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """Zip files reproducibly: the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return buffer.getvalue()


def _package(files: Mapping[str, bytes]) -> Package:
    content = zip_files(files)
    return Package(key=f"local/{hashlib.sha256(content).hexdigest()}.zip", content=content)
