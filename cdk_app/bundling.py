"""Code of functions and layers, bundled on this machine without Docker."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jsii
from aws_cdk import AssetHashType, BundlingOptions, DockerImage, IgnoreMode, ILocalBundling
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_

from stresswatch.task.definition import SHIPPED_FILE, task_file

PROJECT = Path(__file__).parents[1]
PYTHON_VERSION = "3.13"
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64
_DOMAIN = "layers/stresswatch"
_WHEELS = "aarch64-manylinux_2_28"
_UV = str(Path(sys.executable).with_name("uv"))
_NOT_CODE = ["**/__pycache__", "**/*.pyc", "requirements.txt", "Dockerfile"]


class BundlingFailed(RuntimeError):
    """The bundle could not be made; there is no fallback to Docker."""


def function_code(name: str) -> lambda_.Code:
    """Return the code of a zip function: its folder under ``lambdas/``."""
    return lambda_.Code.from_asset(str(PROJECT / "lambdas" / name), exclude=_NOT_CODE)


def domain_layer_code() -> lambda_.Code:
    """Return the domain package."""
    return lambda_.Code.from_asset(str(sources(_DOMAIN) / _DOMAIN), exclude=_NOT_CODE)


def packages_layer_code(name: str, *, requires_byte_code: bool) -> lambda_.Code:
    """Return the third-party packages of ``layers/<name>`` for the functions.

    The asset is named by the bundle's hash. With the hash of its sources, functions would miss
    updates when the same requirements give other files.
    """
    if requires_byte_code:
        functions_python(_UV, required=True)  # early, instead of an error within CDK
    folder = PROJECT / "layers" / name
    return lambda_.Code.from_asset(
        str(folder),
        asset_hash_type=AssetHashType.OUTPUT,
        bundling=BundlingOptions(
            image=DockerImage.from_registry("never-used"),
            local=_Wheels(folder / "requirements.txt", requires_byte_code),
        ),
    )


def sources(*folders: str) -> Path:
    """Return the project, or for another task a copy of these folders with its file."""
    if task_file() == SHIPPED_FILE:
        return PROJECT
    copied = Path(tempfile.mkdtemp(prefix="stresswatch-task-"))
    atexit.register(shutil.rmtree, copied)
    for folder in folders:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / folder, copied / folder, ignore=ignored)
    shipped = SHIPPED_FILE.relative_to(SHIPPED_FILE.parents[2])
    shutil.copyfile(task_file(), copied / _DOMAIN / "python" / shipped)
    return copied


@dataclass(frozen=True)
class ImageContext:
    """The build context of an image: folders of the project.

    Attributes
    ----------
    directory : str
        Path of the context.
    exclude : list of str
        Patterns that exclude everything else.
    """

    directory: str
    exclude: list[str]


def image_context(*own_folders: str) -> ImageContext:
    """Return the context of an image: its own folders and the domain package."""
    folders = *own_folders, f"{_DOMAIN}/python"
    return ImageContext(
        str(sources(*folders)),
        ["**", *(f"!{each}/**" for each in folders), "**/__pycache__"],
    )


def scikit_learn_image(name: str) -> lambda_.DockerImageCode:
    """Return the image of all functions that predict with scikit-learn, for this function."""
    context = image_context(
        "layers/scikit_learn",
        "training_jobs/model",
        *(f"lambdas/{each}" for each in ("api", "gate", "predictor", "scoring")),
    )
    return lambda_.DockerImageCode.from_image_asset(
        context.directory,
        file="layers/scikit_learn/Dockerfile",
        cmd=[f"{name}.handler.handler"],
        exclude=context.exclude,
        ignore_mode=IgnoreMode.DOCKER,
        platform=ecr_assets.Platform.LINUX_ARM64,
    )


@jsii.implements(ILocalBundling)
class _Wheels:
    """Install pinned wheels for the functions' platform with uv."""

    def __init__(self, requirements: Path, requires_byte_code: bool, platform: str = _WHEELS):
        self._requirements = requirements
        self._requires_byte_code = requires_byte_code
        self._platform = platform

    def try_bundle(self, output_dir: str, *_: object, **__: object) -> bool:
        target = Path(output_dir) / "python"
        _run(
            [_UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes",
             "--no-installer-metadata",
             "--python-platform", self._platform, "--python-version", PYTHON_VERSION,
             "--only-binary", ":all:", "--target", str(target),
             "--requirement", str(self._requirements)]
        )  # fmt: skip
        for surplus in ("bin", ".lock"):
            path = target / surplus
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for tests in list(target.glob("**/tests")):
            shutil.rmtree(tests)
        add_byte_code(target, _UV, required=self._requires_byte_code)
        return True


def add_byte_code(target: Path, uv: str, *, required: bool) -> None:
    """Add byte code: ``/opt`` is read-only, so without it each cold start compiles every module."""
    if python := functions_python(uv, required=required):
        _run(
            [python, "-m", "compileall", "-q", "-s", str(target), "-p", "/opt/python",
             "--invalidation-mode", "unchecked-hash", str(target)]
        )  # fmt: skip


def functions_python(uv: str, *, required: bool) -> str | None:
    """Find the functions' Python version, to compile byte code; None if it is missing and optional.

    Raises
    ------
    BundlingFailed
        When it is missing and required.
    """
    found = subprocess.run(
        [uv, "python", "find", "--no-project", "--system", PYTHON_VERSION],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode == 0:
        return found.stdout.strip()
    if not required:
        return None
    raise BundlingFailed(
        f"Python {PYTHON_VERSION} is needed for the byte code of this stage's layers, beside the "
        f"one that synthesises; install it (`.venv/bin/uv python install {PYTHON_VERSION}`), or "
        f"synthesise the stage dev. {' '.join(found.stderr.split())}"
    )


def _run(command: list[str]) -> None:
    environment = os.environ | {"UV_SYSTEM_CERTS": "true"}  # as the Makefile sets it
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BundlingFailed(f"{command[0]} failed:\n{done.stderr.strip()}")
