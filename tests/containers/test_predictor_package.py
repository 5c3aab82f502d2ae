"""The predictor's zip and layers, unpacked as Lambda does and run by Lambda's runtime client."""

import json
import re
import zipfile

import pytest

from cdk_app import bundling
from local.template.assembly import FileAsset
from stresswatch.contracts.posts import post_record
from tests.conftest import PROJECT, make_posts
from tests.containers.conftest import running
from tests.containers.runtime_packages import WHEELS, find_python, install_runtime
from tests.integration.test_predictor import event

UNZIPPED_LIMIT = (
    262_144_000  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
)
ENVIRONMENT_LIMIT = 4096
POSTS = make_posts(20, seed=9)


def functions(assembly):
    return {
        name: resource["Properties"]
        for name, resource in assembly.template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function" and "Layers" in resource["Properties"]
    }


def asset(assembly, content) -> FileAsset:
    """The asset for a function's code or a layer's content."""
    (found,) = [file for file in assembly.files if file.key == content["S3Key"]]
    return found


def layers(assembly, function):
    """The assets of a function's layers, in the order in which Lambda unpacks them."""
    resources = assembly.template["Resources"]
    return [
        asset(assembly, resources[layer["Ref"]]["Properties"]["Content"])
        for layer in function["Layers"]
    ]


def size(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def unpack(folder, target):
    """Zip a folder and unpack it, to lose what a zip cannot hold."""
    packed = target.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(target)
    packed.unlink()


def test_every_function_is_within_the_limits_with_its_layers(assembly):
    assert len(functions(assembly)) > 5
    for name, function in functions(assembly).items():
        code = asset(assembly, function["Code"])
        unzipped = size(code.path) + sum(size(layer.path) for layer in layers(assembly, function))
        assert 1_000_000 < unzipped < UNZIPPED_LIMIT / 2, name
        assert len(json.dumps(function["Environment"]["Variables"])) < ENVIRONMENT_LIMIT, name


def test_functions_run_here_with_every_setting_that_they_are_deployed_with(
    assembly, function_environment
):
    deployed = {
        setting
        for resource in assembly.template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        for setting in resource["Properties"]["Environment"]["Variables"]
    }
    assert deployed - function_environment.keys() == set()


@pytest.fixture
def predictor(assembly, api, function_environment, tmp_path):
    """The predictor under the runtime client, in a process without access to the project."""
    python = find_python()
    if python is None:
        pytest.skip(f"there is no Python {bundling.PYTHON_VERSION}, the functions' own")
    (function,) = [f for name, f in functions(assembly).items() if "Predictor" in name]
    task, opt, runtime = tmp_path / "task", tmp_path / "opt", tmp_path / "runtime"
    unpack(asset(assembly, function["Code"]).path, task)
    domain, packages = layers(assembly, function)
    assert (domain.path / "python" / "stresswatch").is_dir()
    unpack(domain.path, opt)
    # The other layer is for the functions' architecture; this one is bundled for this machine.
    assert (packages.path / "python" / "numpy").is_dir()
    requirements = PROJECT / "layers" / "runtime" / "requirements.txt"
    own = tmp_path / "packages"
    assert bundling._Wheels(requirements, False, WHEELS).try_bundle(str(own))
    unpack(own, opt)
    install_runtime(runtime)
    path = {"PYTHONPATH": ":".join(map(str, (task, opt / "python", runtime)))}
    known = {"LAMBDA_TASK_ROOT": str(task), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-P", "-m", "awslambdaric", function["Handler"]]
    with running(api, command, function_environment | path | known, tmp_path) as log:
        yield log


def test_a_batch_is_predicted_on_the_functions_python(predictor, api, aws):
    payloads = [json.dumps(post_record(labelled.post)).encode() for labelled in POSTS]
    answer = api.invoke(event([*payloads, b"no post"]))
    assert answer == {"batchItemFailures": []}
    assert {one["post_id"] for one in aws.predictions()} == {one.post.post_id for one in POSTS}
    assert len(aws.keys("quarantine")) == 1
    # A thawed environment receives a request, and answers.
    assert api.invoke(event(payloads[:1], first=100)) == {"batchItemFailures": []}
    assert len(aws.predictions()) == len(POSTS) + 1
    assert re.search(r'"PostsQuarantined": ?\[1', predictor.read_text())
