"""The documented commands do what they say, line by line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stresswatch.aws import stack_outputs
from stresswatch.storage.training_sets import LABELS_PREFIX
from stresswatch.versions.champion import Pointer
from tests.documented import speaks, typed_as_they_are
from tests.e2e.deployed import Deployed
from tests.e2e.pages import PAGES, posts_in
from tests.e2e.shell import Shell

LINES = typed_as_they_are()
MISSING = [program for program in ("bash", "curl", "jq") if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: apt-get install {' '.join(MISSING)}"
)


@pytest.fixture(autouse=True)
def as_before(deployed: Deployed, champion: Pointer) -> Iterator[None]:
    """Nothing is held; afterwards the champion serves again, and new labels are gone."""
    s3, outputs = deployed.client("s3"), deployed.stack.outputs
    held, labels = outputs[stack_outputs.QUARANTINE_BUCKET], outputs[stack_outputs.TRAINING_BUCKET]
    labelled = set(deployed.objects(labels, LABELS_PREFIX))
    for key in deployed.objects(held):
        s3.delete_object(Bucket=held, Key=key)
    yield
    for key in set(deployed.objects(labels, LABELS_PREFIX)) - labelled:
        s3.delete_object(Bucket=labels, Key=key)


@pytest.mark.parametrize("page", LINES)
def test_each_documented_command_prints_the_expected_output(
    page: str, deployed: Deployed, shell: Shell, tmp_path: Path
) -> None:
    posts_in(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(shell.programs)
    with PAGES[page].given(deployed, tmp_path) as given:
        printed = shell.type(LINES[page], tmp_path, given.words, given.variables)
    said = [(line, text) for line, text in zip(LINES[page], printed, strict=True) if speaks(line)]
    for (line, text), (begins, pattern) in zip(said, PAGES[page].says, strict=True):
        assert line.startswith(begins)
        assert re.search(pattern, text), f"{line}\nprinted\n{text}"
