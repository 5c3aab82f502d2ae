"""Code and layers: the same sources give the same assets, and Docker is never tried."""

import importlib.util
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_

from cdk_app import bundling
from cdk_app.bundling import BundlingFailed, add_byte_code
from stresswatch.task.definition import SHIPPED_FILE
from stresswatch.task.reading import TASK_VARIABLE
from tests.conftest import PROJECT

HASHED_WITHOUT_CHECK = 0b01  # the flags word of a .pyc; https://peps.python.org/pep-0552/


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one package in its domain layer."""
    monkeypatch.delenv(TASK_VARIABLE, raising=False)
    package = tmp_path / "layers" / "stresswatch" / "python" / "stresswatch"
    package.mkdir(parents=True)
    (package / "posts.py").write_text("LIMIT = 1\n")
    monkeypatch.setattr(bundling, "PROJECT", tmp_path)
    return package


def domain_layer_hash():
    stack = Stack(App(), "stack")
    layer = lambda_.LayerVersion(stack, "Layer", code=bundling.domain_layer_code())
    return stack.resolve(layer.node.default_child.content)["s3Key"]


def test_running_the_code_does_not_change_the_domain_layer(project):
    before = domain_layer_hash()
    (project / "__pycache__").mkdir()
    (project / "__pycache__" / "posts.cpython-311.pyc").write_bytes(b"byte code of a developer")
    assert domain_layer_hash() == before


def test_changing_the_code_changes_the_domain_layer(project):
    before = domain_layer_hash()
    (project / "posts.py").write_text("LIMIT = 2\n")
    assert domain_layer_hash() != before


def test_layer_and_images_contain_the_task_named_by_the_variable(project, monkeypatch):
    task = project / "task" / "task.toml"
    task.parent.mkdir()
    (bundling.PROJECT / "lambdas").mkdir()
    task.write_text(SHIPPED_FILE.read_text())
    shipped = domain_layer_hash()
    assert bundling.image_context("lambdas").directory == str(bundling.PROJECT)
    other = project.parents[3] / "other.toml"
    other.write_text(f"{SHIPPED_FILE.read_text()}# changed\n")
    monkeypatch.setenv(TASK_VARIABLE, str(other))
    assert domain_layer_hash() != shipped
    copied = Path(bundling.image_context("lambdas").directory)
    place = task.relative_to(bundling.PROJECT)
    assert (copied / place).read_text() == other.read_text() != task.read_text()
    assert (copied / place.parents[1] / "posts.py").exists()


def test_a_layer_that_cannot_be_bundled_is_an_error(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy  # without a hash\n")
    with pytest.raises(BundlingFailed, match="hash"):
        bundling._Wheels(requirements, requires_byte_code=False).try_bundle(str(tmp_path))


def test_packages_are_downloaded_with_the_systems_certificates(tmp_path, monkeypatch):
    script = tmp_path / "uv"
    script.write_text('#!/bin/sh\necho "of the system: $UV_SYSTEM_CERTS" >&2\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setattr(bundling, "_UV", str(script))
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    wheels = bundling._Wheels(tmp_path / "requirements.txt", requires_byte_code=False)
    with pytest.raises(BundlingFailed, match="of the system: true"):
        wheels.try_bundle(str(tmp_path / "layer"))


def uv_that_finds(python, folder):
    """Stand in for `uv python find`."""
    script = folder / "uv"
    script.write_text(f"#!/bin/sh\n{python}\n")
    script.chmod(0o755)
    return str(script)


def compiled(folder, tmp_path):
    """Compile one module in a separate folder; return the byte code."""
    target = folder / "python"
    target.mkdir(parents=True)
    (target / "module.py").write_text("NUMBER = 1\n")
    add_byte_code(target, uv_that_finds(f"echo {sys.executable}", tmp_path), required=True)
    return Path(importlib.util.cache_from_source(str(target / "module.py"))).read_bytes()


def test_byte_code_is_compiled_without_source_checks(tmp_path):
    content = compiled(tmp_path / "layer", tmp_path)
    assert int.from_bytes(content[4:8], "little") == HASHED_WITHOUT_CHECK
    assert b"/opt/python/module.py" in content


def test_byte_code_is_the_same_in_any_build_folder(tmp_path):
    assert compiled(tmp_path / "a", tmp_path) == compiled(tmp_path / "b", tmp_path)


def test_bundling_for_production_fails_without_python_3_13(tmp_path):
    uv = uv_that_finds("echo 'no interpreter found' >&2; exit 2", tmp_path)
    with pytest.raises(BundlingFailed, match=r"Python 3\.13 is needed(?s:.*)no interpreter found"):
        add_byte_code(tmp_path, uv, required=True)


def test_synthesis_without_python_3_13_ends_in_one_sentence(tmp_path, monkeypatch):
    uv = uv_that_finds("echo 'no interpreter found' >&2; exit 2", tmp_path)
    monkeypatch.setattr(bundling, "_UV", uv)
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "out"))
    monkeypatch.setenv("STAGE", "prod")
    with pytest.raises(SystemExit, match=r"^Python 3\.13 is needed .* no interpreter found$"):
        runpy.run_module("cdk_app")


def test_a_failed_package_installation_reports_uvs_error(tmp_path, monkeypatch):
    monkeypatch.setattr(bundling, "_UV", uv_that_finds("echo 'no network' >&2; exit 2", tmp_path))
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "out"))
    monkeypatch.setenv("STAGE", "dev")
    with pytest.raises(SystemExit, match=r"Failed to bundle asset(?s:.*)no network"):
        runpy.run_module("cdk_app")


def test_synthesis_of_an_unknown_stage_ends_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "out"))
    monkeypatch.setenv("STAGE", "nope")
    with pytest.raises(SystemExit, match=r"^there is no stage 'nope'; there are dev,"):
        runpy.run_module("cdk_app")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"labelling": {"label_sample_share": 2}}, "label_sample_share is 2; it must be between"),
        ({"labelling": {"nothing": 1}}, "nothing"),
        ({"nothing": {"at_all": 1}}, "nothing"),
    ],
)
def test_an_invalid_local_setting_ends_synthesis_in_one_sentence(
    tmp_path, monkeypatch, settings, says
):
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "out"))
    monkeypatch.setenv("LOCAL_SETTINGS", json.dumps(settings))
    with pytest.raises(SystemExit, match=says):
        runpy.run_module("cdk_app")


STAGE = "STAGES = {stage.name: stage for stage in (_DEV, _STAGING, _PROD)}\n"


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "serving=Serving(canary_minutes=7)",
            r"cdk_app/settings/stages\.py: serving\.canary_minutes is 7; it must be one of .*",
        ),
        (
            "serving=Serving(canary_minute=5)",
            r"cdk_app/settings/stages\.py: there is no setting serving\.canary_minute; "
            r"did you mean serving\.canary_minutes\?",
        ),
        (
            "window_minutes=5",
            r"cdk_app/settings/stages\.py: there is no setting window_minutes; did you mean "
            r"monitoring\.window_minutes\?",
        ),
        (
            "retraining=Retraining(gate=GateRules(confidence=2))",
            r"cdk_app/settings/stages\.py: confidence is 2; it must be between .*",
        ),
        (
            "retraining=Retraining(gate=GateRules(confidence='x'))",
            r"cdk_app/settings/stages\.py: .*not supported between .*",
        ),
        (
            "monitoring=Monitoring(drift=DriftRules(error_rate=0))",
            r"cdk_app/settings/stages\.py: error_rate is 0; it must be .*",
        ),
        (
            "web_service=WebService(bursts=5)",
            r"cdk_app/settings/stages\.py: there is no setting web_service\.bursts; "
            r"did you mean web_service\.burst\?",
        ),
    ],
)
def test_an_invalid_setting_ends_synthesis_in_one_sentence(setting, sentence, tmp_path):
    """The stages are made on import, by every module that uses them."""
    shutil.copytree(PROJECT / "cdk_app", tmp_path / "cdk_app")
    stages = tmp_path / "cdk_app" / "settings" / "stages.py"
    text = stages.read_text()
    assert STAGE in text
    imports = "from stresswatch.retraining.gate_rules import GateRules\n"
    imports += "from stresswatch.monitoring.drift_rules import DriftRules\n"
    made = f"STAGES = {{'wrong': Stage(**{{**dict(_DEV), **dict({setting})}})}}\n"
    stages.write_text(text.replace(STAGE, f"{imports}\n{made}"))
    done = subprocess.run(
        [sys.executable, "-m", "cdk_app"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert re.fullmatch(sentence, done.stderr.strip())


def test_byte_code_is_optional_in_the_development_stage(tmp_path):
    (tmp_path / "module.py").write_text("NUMBER = 1\n")
    add_byte_code(tmp_path, uv_that_finds("exit 2", tmp_path), required=False)
    assert not list(tmp_path.rglob("*.pyc"))
