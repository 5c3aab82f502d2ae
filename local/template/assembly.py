"""The cloud assembly that `python -m cdk_app` writes: a template, its file assets, its images."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import LocalStackError, UnsupportedTemplate


@dataclass(frozen=True)
class FileAsset:
    """A file, or a folder for a zip, with its address in the template."""

    path: Path
    is_folder: bool
    bucket: str
    key: str


@dataclass(frozen=True)
class ImageAsset:
    """A container image's build context; the template names the image by its tag."""

    context: Path
    dockerfile: Path
    tag: str


@dataclass(frozen=True)
class Assembly:
    """The parts of one stack's deployment."""

    stack_name: str
    template: dict[str, Any]
    files: tuple[FileAsset, ...]
    images: tuple[ImageAsset, ...]
    bootstrap_version_parameter: str
    bootstrap_version: int


def read_assembly(directory: Path, account: str, region: str) -> Assembly:
    """Read a synthesised app of one stack, for an account and region.

    Raises
    ------
    LocalStackError
        When the folder has no cloud assembly.
    UnsupportedTemplate
        When the app has not exactly one stack.
    """
    manifest_path = directory / "manifest.json"
    if not manifest_path.exists():
        raise LocalStackError(
            f"{directory} has no synthesised app; run `make synth` (python -m cdk_app) first"
        )
    artifacts = json.loads(manifest_path.read_text())["artifacts"]
    stacks = {
        name: artifact
        for name, artifact in artifacts.items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    if len(stacks) != 1:
        raise UnsupportedTemplate(f"{directory} has the stacks {sorted(stacks)}; one is needed")
    ((name, stack),) = stacks.items()
    properties = stack["properties"]
    assets: dict[str, Any] = {"files": {}, "dockerImages": {}}
    for artifact in artifacts.values():
        if artifact["type"] == "cdk:asset-manifest":
            assets = json.loads((directory / artifact["properties"]["file"]).read_text())
    template_file = directory / properties["templateFile"]
    return Assembly(
        stack_name=properties.get("stackName", name),
        template=json.loads(template_file.read_text()),
        files=tuple(
            asset
            for file in assets["files"].values()
            if (asset := _file_asset(directory, file, account, region)).path != template_file
        ),
        images=tuple(_image_asset(directory, image) for image in assets["dockerImages"].values()),
        bootstrap_version_parameter=properties["bootstrapStackVersionSsmParameter"],
        bootstrap_version=properties["requiresBootstrapStackVersion"],
    )


def _file_asset(directory: Path, file: dict[str, Any], account: str, region: str) -> FileAsset:
    (destination,) = file["destinations"].values()
    bucket = destination["bucketName"]
    for name, value in {"AccountId": account, "Region": region}.items():
        bucket = bucket.replace(f"${{AWS::{name}}}", value)
    return FileAsset(
        path=directory / file["source"]["path"],
        is_folder=file["source"]["packaging"] == "zip",
        bucket=bucket,
        key=destination["objectKey"],
    )


def _image_asset(directory: Path, image: dict[str, Any]) -> ImageAsset:
    (destination,) = image["destinations"].values()
    return ImageAsset(
        context=directory / image["source"]["directory"],
        dockerfile=Path(image["source"].get("dockerFile", "Dockerfile")),
        tag=destination["imageTag"],
    )
