"""Synthesise the CDK app in a process of its own, to the template that `make synth` gives.

CDK's own rules take half of the time, so only deployments to AWS and the tests of every stage check
them; cdk-nag's rules apply here too.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.errors import OperatorError


def checkout() -> Path:
    """Return the folder of the CDK app: this code's own, or the working directory or one above it.

    An installed wheel is outside any checkout: it synthesises the current one.

    Raises
    ------
    OperatorError
        When there is no CDK app.
    """
    here = Path.cwd()
    for folder in (Path(__file__).parents[2], here, *here.parents):
        if (folder / "cdk.json").is_file() and (folder / "cdk_app").is_dir():
            return folder
    raise OperatorError(
        f"There is no CDK app in {here} or above it; call this inside a checkout of Stresswatch."
    )


def synthesize(
    directory: Path,
    *,
    stage: str = "dev",
    bundles: bool = True,
    changed: Mapping[str, Mapping[str, object]] | None = None,
) -> Path:
    """Write the cloud assembly of a stage to a directory; return the directory.

    Parameters
    ----------
    bundles : bool
        Whether to bundle layers; without bundles, the template cannot be deployed.
    changed : mapping of str to mapping
        Settings that differ from the stage's, by group.

    Raises
    ------
    OperatorError
        When a checkout is missing, or the synthesis of its app fails.
    OSError
        When the directory cannot be made; CDK would fail with a traceback.
    """
    directory.mkdir(parents=True, exist_ok=True)
    settings = {
        "CDK_OUTDIR": str(directory.resolve()),
        "CDK_VALIDATION": "false",
        "STAGE": stage,
        "LOCAL_SETTINGS": json.dumps(changed or {}),
    }
    if not bundles:
        settings["CDK_CONTEXT_JSON"] = json.dumps({"aws:cdk:bundling-stacks": []})
    with _alone_in(directory):
        done = subprocess.run(
            [sys.executable, "-m", "cdk_app"],
            cwd=checkout(),
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise OperatorError(f"The stack does not synthesise:\n{done.stderr.strip()[-2000:]}")
    return directory


def settings_of(given: Iterable[str]) -> dict[str, dict[str, object]]:
    """Read settings such as ``labelling.label_sample_share=0.5``.

    Raises
    ------
    OperatorError
        When a setting has another form; the app itself rejects unknown settings.
    """
    found: dict[str, dict[str, object]] = {}
    for one in given:
        name, is_given, value = one.partition("=")
        group, dot, setting = name.partition(".")
        if not (is_given and dot and group and setting):
            raise OperatorError(
                f"--set {one}: write GROUP.NAME=VALUE, such as labelling.label_sample_share=0.5"
            )
        try:
            found.setdefault(group, {})[setting] = json.loads(value)
        except ValueError:
            found.setdefault(group, {})[setting] = value
    return found


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Wait for another synthesis in the directory: two would delete each other's files."""
    folder = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
