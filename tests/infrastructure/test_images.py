"""The sources of the images, and their users."""

import re
from pathlib import Path

import pytest
import yaml

from cdk_app.bundling import PROJECT

DIGEST = re.compile(r"[\w.:/-]+:[\w.-]+@sha256:[0-9a-f]{64}")


DOCKERFILES = sorted(
    str(path.relative_to(PROJECT))
    for folder in ("lambdas", "layers", "training_jobs")
    for path in (PROJECT / folder).rglob("Dockerfile")
)
SCIKIT_LEARN = "layers/scikit_learn/Dockerfile"
TRAINING = "training_jobs/model/Dockerfile"


def instructions(dockerfile, name):
    """The arguments of each instruction with a name."""
    lines = (PROJECT / dockerfile).read_text().splitlines()
    return [line.partition(" ")[2] for line in lines if line.split(" ")[0] == name]


def test_there_are_three_images():
    assert DOCKERFILES == ["lambdas/drift/Dockerfile", SCIKIT_LEARN, TRAINING]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_base_images_are_pinned_by_digest(dockerfile):
    (base,) = instructions(dockerfile, "FROM")
    assert DIGEST.fullmatch(base)


def test_dependabot_updates_every_base_image():
    updates = yaml.safe_load((PROJECT / ".github/dependabot.yml").read_text())["updates"]
    (docker,) = [one for one in updates if one["package-ecosystem"] == "docker"]
    assert sorted(docker["directories"]) == [f"/{Path(path).parent}" for path in DOCKERFILES]


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_packages_are_installed_by_hash_without_dependencies(dockerfile):
    (install,) = [run for run in instructions(dockerfile, "RUN") if "pip install" in run]
    assert {"--no-deps", "--require-hashes", "--requirement"} <= set(install.split())


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_the_code_is_readable_by_any_user(dockerfile):
    """Files keep the clone's mode: under a strict umask, closed to others."""
    lines = (PROJECT / dockerfile).read_text().splitlines()
    last_copy = max(place for place, line in enumerate(lines) if line.startswith("COPY"))
    assert [line for line in lines[last_copy:] if re.fullmatch(r"RUN chmod -R a\+rX \.", line)]


@pytest.mark.parametrize("dockerfile", ["lambdas/drift/Dockerfile", SCIKIT_LEARN])
def test_a_function_does_not_run_as_root(dockerfile):
    (user,) = instructions(dockerfile, "USER")
    assert int(user) > 0


def test_the_training_job_switches_from_root_to_another_user():
    (start,) = instructions(TRAINING, "ENTRYPOINT")
    assert start == '["python", "-m", "training_jobs.model.start"]'
    variables = dict(value.split("=") for value in instructions(TRAINING, "ENV"))
    (added,) = [run for run in instructions(TRAINING, "RUN") if run.startswith("useradd")]
    assert added.split()[-1] == variables["TRAINING_USER"] != "root"
    assert int(re.search(r"--uid (\d+)", added)[1]) > 0
