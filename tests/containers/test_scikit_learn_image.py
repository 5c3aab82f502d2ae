"""The image of the functions that predict with scikit-learn: its own files and packages."""

import json
from pathlib import Path

import pytest

from cdk_app import bundling
from local.template.assembly import ImageAsset
from local.template.container_images import read_image
from stresswatch.contracts.posts import post_record
from stresswatch.model.scorer import ScorerKind
from tests.conftest import PROJECT, make_posts
from tests.containers.conftest import running
from tests.containers.runtime_packages import WHEELS, find_python, install_runtime
from tests.integration.conftest import train_version
from tests.integration.test_predictor import event

DOCKERFILE = Path("layers/scikit_learn/Dockerfile")
POSTS = make_posts(20, seed=9)


@pytest.fixture(params=["gradient-boosting", "perceptron", "sentence-embeddings"])
def predictor(request, aws, api, function_environment, tmp_path):
    """The predictor under Lambda's runtime client, with a champion that arrays cannot score."""
    python = find_python()
    if python is None:
        pytest.skip(f"there is no Python {bundling.PYTHON_VERSION}, the functions' own")
    files = train_version(tmp_path / "v2", make_posts(300), "v2", pipeline=request.param)
    aws.promote("v2", files)
    image = read_image(ImageAsset(PROJECT, DOCKERFILE, "tag"))
    task, runtime = tmp_path / "task", tmp_path / "runtime"
    for name, content in image.files.items():
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        (task / name).write_bytes(content)
    packages = tmp_path / "packages"
    requirements = PROJECT / DOCKERFILE.with_name("requirements.txt")
    assert bundling._Wheels(requirements, False, WHEELS).try_bundle(str(packages))
    install_runtime(runtime)
    path = {"PYTHONPATH": ":".join(map(str, (task, packages / "python", runtime)))}
    known = {"LAMBDA_TASK_ROOT": str(task), "PYTHONDONTWRITEBYTECODE": "1"}
    scorer = {"SCORER": ScorerKind.SCIKIT_LEARN.value, "OMP_NUM_THREADS": "1"}
    command = [python, "-P", "-m", "awslambdaric", *image.command]
    with running(api, command, function_environment | scorer | path | known, tmp_path) as log:
        yield log


def test_a_batch_is_predicted_on_the_functions_python(predictor, api, aws):
    payloads = [json.dumps(post_record(labelled.post)).encode() for labelled in POSTS]
    assert api.invoke(event(payloads)) == {"batchItemFailures": []}
    predictions = aws.predictions()
    assert {one["post_id"] for one in predictions} == {one.post.post_id for one in POSTS}
    assert {one["model_version"] for one in predictions} == {"v2"}
