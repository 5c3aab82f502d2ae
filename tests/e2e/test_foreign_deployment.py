"""Standard tools alone deploy every stage: CDK's own command, and the unmodified emulator.

`local/` takes no part, and templates are not rewritten. Types that the emulator lacks are left
out, and images are not built, as this takes a container engine.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from cdk_app.app import build_app
from cdk_app.settings.stages import STAGES
from local.emulator.server import HOST, free_port
from tests.conftest import PROJECT

UNKNOWN = (
    "AWS::Athena::NamedQuery",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::SageMaker::ModelPackageGroup",
)
"""Types of resource that the emulator lacks."""
CDK = re.search(r"^CDK := \S+ (.*)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Account:
    """An account of the emulator, without additions from this project."""

    endpoint: str
    home: Path

    def cdk(self, *words: str) -> str:
        """Run CDK's command; return its output."""
        assert CDK
        npx = Path(sys.executable).with_name("npx")
        done = subprocess.run(
            [npx, *CDK[1].split(), *words],
            cwd=self.home,
            env=os.environ
            | {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_ENDPOINT_URL_S3": self.endpoint,
                "AWS_REGION": "us-east-1",
                "HOME": str(self.home),
                "NPM_CONFIG_CACHE": str(Path.home() / ".npm"),  # packages for CDK's tests
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        if "npm error" in done.stdout:
            pytest.skip(f"npm cannot install CDK's command here: {done.stdout[-500:]}")
        assert done.returncode == 0, done.stdout[-3000:]
        return done.stdout

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder = tmp_path_factory.mktemp("account")
    port = str(free_port())
    settings = {
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": port,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(folder),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (folder / "log").open("wb") as log:
        emulator = subprocess.Popen(
            [sys.executable, "-m", "ministack.app"],
            cwd=folder,
            env=kept | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            made = Account(f"http://{HOST}:{port}", folder)
            _wait_for(made, emulator)
            made.cdk("bootstrap", "aws://000000000000/us-east-1")
            yield made
        finally:
            emulator.terminate()
            try:
                emulator.wait(30)
            except subprocess.TimeoutExpired:
                emulator.kill()
                emulator.wait()


def _wait_for(account: Account, emulator: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while True:
        assert emulator.poll() is None, "the emulator ended at its start"
        try:
            account.client("sts").get_caller_identity()
        except BotoCoreError:
            assert time.monotonic() < deadline, "the emulator does not answer"
            time.sleep(0.1)
        else:
            return


def synthesize(stage: str, folder: Path) -> Path:
    """Write a stage's assembly, with its functions' sources and without its images."""
    build_app(str(folder), stage=stage, **{"aws:cdk:bundling-stacks": []}).synth()
    (assets,) = folder.glob("*.assets.json")
    assets.write_text(json.dumps(json.loads(assets.read_text()) | {"dockerImages": {}}))
    return folder


def leave_out(folder: Path, kinds: tuple[str, ...]) -> set[str]:
    """Remove resources of some types from an assembly's template; return their logical ids."""
    (path,) = folder.glob("*.template.json")
    template = json.loads(path.read_text())
    resources = template["Resources"]
    gone = {name for name, one in resources.items() if one["Type"] in kinds}
    template["Resources"] = {name: one for name, one in resources.items() if name not in gone}
    path.write_text(json.dumps(_without(template, gone)))
    return gone


def _without(value: Any, gone: set[str]) -> Any:
    """Replace references to removed resources with their names."""
    match value:
        case {"Ref": str(name)} if name in gone:
            return name
        case {"Fn::GetAtt": [str(name), *_]} if name in gone:
            return f"arn:aws:other:us-east-1:000000000000:{name}"
        case dict():
            return {
                key: [one for one in inner if one not in gone]
                if key == "DependsOn" and isinstance(inner, list)
                else _without(inner, gone)
                for key, inner in value.items()
            }
        case list():
            return [_without(one, gone) for one in value]
    return value


@pytest.mark.parametrize("stage", STAGES)
def test_a_deployed_stage_differs_only_by_the_omitted_resources(
    account: Account, stage: str, tmp_path: Path
) -> None:
    whole = synthesize(stage, tmp_path / "whole")
    taken = synthesize(stage, tmp_path / "taken")
    gone = leave_out(taken, UNKNOWN)
    account.cdk("deploy", "--app", str(taken), "--require-approval", "never")
    name = f"stresswatch-{stage}"
    (stack,) = account.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"

    said = account.cdk("diff", "--app", str(taken), "--method", "template")
    assert "Number of stacks with differences: 0" in said, said
    said = account.cdk("diff", "--app", str(whole), "--method", "template")
    changes = re.findall(r"^\[(.)\] (AWS::\S+) \S+ (\S+)", said, re.MULTILINE)
    assert {logical for sign, _, logical in changes if sign == "+"} == gone
    for sign, _, logical in changes:
        assert logical in gone or (sign == "~" and names(whole, logical, gone)), (sign, logical)


def names(folder: Path, logical: str, gone: set[str]) -> bool:
    """Return whether a resource names a removed one."""
    (path,) = folder.glob("*.template.json")
    said = json.dumps(json.loads(path.read_text())["Resources"][logical])
    return any(f'"{name}"' in said for name in gone)


@pytest.mark.parametrize("kind", UNKNOWN)
def test_omitted_resource_types_are_unknown_to_the_emulator(account: Account, kind: str) -> None:
    """A release that knows it is to be used with it."""
    template = {"Resources": {"One": {"Type": kind, "Properties": {}}}}
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        account.client("cloudformation").create_stack(
            StackName="unknown", TemplateBody=json.dumps(template)
        )
