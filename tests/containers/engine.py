"""Build and run the project's images, with Docker or with podman and buildah.

Without Docker the public bases cannot be pulled, and Debian's own Python replaces them
(``base/Containerfile``). Packages come from a folder of wheels that the host's pip fills.
Builds therefore need no network. Everything is in the user's cache folder, and made when missing.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.template.assembly import ImageAsset
from tests.conftest import PROJECT
from tests.containers.runtime_packages import install_runtime

BASE = PROJECT / "tests" / "containers" / "base"
DEBIAN = "trixie"
"""The release under the training image's base, whose Python is the functions' own."""
PACKAGES = (
    "base-files base-passwd ca-certificates coreutils dash libc-bin libstdc++6 passwd python3-venv"
).split()
PROGRAMS = ("podman", "buildah", "runc", "mmdebstrap")
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")


class CommandFailed(RuntimeError):
    """A failed command of the preparation or build; the message is its output."""


class Engine(ABC):
    """Build and run images of the cloud assembly."""

    command: Sequence[str]

    @abstractmethod
    def build(self, asset: ImageAsset, base: str, name: str) -> None:
        """Build an image as ``cdk deploy`` does, for this machine's own architecture."""

    def run(
        self,
        image: str,
        *arguments: str,
        options: Sequence[str] = (),
        volumes: Mapping[Path, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the command that runs an image in its own container."""
        return [
            *self.command, "run", "--rm", *options,
            *(f"--volume={host}:{inside}" for host, inside in (volumes or {}).items()),
            *(f"--env={name}={value}" for name, value in (environment or {}).items()),
            image, *arguments,
        ]  # fmt: skip

    def size(self, image: str) -> int:
        return int(call(*self.command, "image", "inspect", "--format", "{{.Size}}", image))

    def remove(self, image: str) -> None:
        call(*self.command, "image", "rm", "--force", image)


class Docker(Engine):
    """Images with public bases, and packages from the network."""

    command = ("docker",)

    def build(self, asset: ImageAsset, base: str, name: str) -> None:
        dockerfile = asset.context / asset.dockerfile
        call("docker", "build", "--tag", name, "--file", dockerfile, asset.context)


@dataclass(frozen=True)
class Podman(Engine):
    """Images with a local base, built and run without a network."""

    cache: Path

    @property
    def _storage(self) -> list[str]:
        return [f"--root={self.cache / 'storage'}", f"--runroot={self.cache / 'run'}"]

    @property
    def command(self) -> Sequence[str]:  # type: ignore[override]
        return ["podman", *self._storage, "--runtime=runc"]

    def run(self, image: str, *arguments: str, options: Sequence[str] = (), **more) -> list[str]:  # type: ignore[no-untyped-def]
        limits = [f"--ulimit={name}=1024:1024" for name in ("nofile", "nproc")]
        return super().run(image, *arguments, options=[*limits, *options], **more)

    def build(self, asset: ImageAsset, base: str, name: str) -> None:
        dockerfile = asset.context / asset.dockerfile
        requirements = asset.context / asset.dockerfile.parent / "requirements.txt"
        with _alone(self.cache):
            self._build_base(base)
            wheels = self._wheels(requirements)
        pip = self.cache / "pip.conf"
        pip.write_text("[global]\nno-index = true\nfind-links = /wheels\n")
        self._bud(
            name, dockerfile, asset.context, f"--from={_base(base)}",
            f"--volume={wheels}:/wheels:ro", f"--volume={pip}:/etc/pip.conf:ro",
        )  # fmt: skip

    def _build_base(self, base: str) -> None:
        if not subprocess.run(
            [*self.command, "image", "exists", _base(base)], check=False
        ).returncode:
            return
        context = self.cache / "base"
        context.mkdir(exist_ok=True)
        debian, unfinished = context / "debian.tar", context / "unfinished.tar"
        if not debian.exists():
            call(
                "mmdebstrap", "--quiet", "--variant=extract",
                f"--include={','.join(PACKAGES)}", DEBIAN, unfinished,
            )  # fmt: skip
            unfinished.rename(debian)
        install_runtime(context / "runtime")
        self._bud(_base(base), BASE / "Containerfile", context, f"--target={base}")

    def _wheels(self, requirements: Path) -> Path:
        """Fill a folder with the wheels of requirements, using this machine's pip configuration."""
        folder = self.cache / "wheels"
        platforms = [f"--platform={one}_{platform.machine()}" for one in _PLATFORMS]
        call(
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
            "--only-binary=:all:", "--python-version=3.13", *platforms,
            f"--dest={folder}", f"--requirement={requirements}",
        )  # fmt: skip
        return folder

    def _bud(self, name: str, file: Path, context: Path, *options: str) -> None:
        call(
            "buildah", *self._storage, "bud", "--isolation=chroot", "--layers=false",
            f"--tag={name}", f"--file={file}", *options, context,
        )  # fmt: skip


def find_engine() -> Engine | str:
    """Return the container engine of this machine, or the reason why it has none."""
    if shutil.which("docker") and _works("docker", "info"):
        return Docker()
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return f"there is no Docker, and of what stands in for it no {', '.join(missing)}"
    if os.geteuid() != 0:
        return "there is no Docker, and only root builds images without it"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    engine = Podman(cache / "stresswatch" / "containers")
    engine.cache.mkdir(parents=True, exist_ok=True)
    return engine if _works(*engine.command, "info") else "podman cannot work on this machine"


def call(*command: str | Path) -> str:
    """Run a command to its end; return its output."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr + done.stdout)[-3000:]
        raise CommandFailed(f"{command[0]} ended with {done.returncode}:\n{said}")
    return done.stdout.strip()


def _base(name: str) -> str:
    return f"localhost/stresswatch-base:{name}"


def _works(*command: str) -> bool:
    return not subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for other processes that fill the cache."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
