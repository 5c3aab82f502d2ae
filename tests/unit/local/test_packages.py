"""The app's code as the local stack finds it: assembly, images, zips."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local.errors import LocalStackError, UnsupportedTemplate
from local.template.assembly import ImageAsset, read_assembly
from local.template.container_images import read_image
from local.template.deploy import plan_deployment
from local.template.packages import image_package, zip_files

FUNCTION_DOCKERFILE = """
FROM public.ecr.aws/lambda/python:3.13
COPY lambdas/drift/requirements.txt .
RUN pip install \\
    --requirement requirements.txt
COPY layers/python/stresswatch ${LAMBDA_TASK_ROOT}/stresswatch
COPY lambdas/drift/handler.py ${LAMBDA_TASK_ROOT}/
CMD ["handler.handler"]
"""
TRAINING_DOCKERFILE = """
FROM python:3.13-slim
WORKDIR /opt/program
COPY layers/python/stresswatch stresswatch
COPY jobs/*.py jobs/
ENTRYPOINT ["python", "-m", "jobs.train"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in (
        "lambdas/drift/handler.py",
        "lambdas/drift/requirements.txt",
        "layers/python/stresswatch/__init__.py",
        "layers/python/stresswatch/deep/posts.py",
        "jobs/train.py",
        "jobs/recipe.py",
        "jobs/notes.txt",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def image_asset(context: Path, dockerfile: str) -> ImageAsset:
    (context / "Dockerfile").write_text(dockerfile)
    return ImageAsset(context, Path("Dockerfile"), "tag")


def names(content: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(content)).namelist())


class TestImages:
    def test_a_function_image_has_the_files_that_its_dockerfile_copies(self, context: Path) -> None:
        image = read_image(image_asset(context, FUNCTION_DOCKERFILE))
        assert set(image.files) == {
            "requirements.txt",
            "handler.py",
            "stresswatch/__init__.py",
            "stresswatch/deep/posts.py",
        }
        assert (
            image.files["stresswatch/deep/posts.py"] == b"layers/python/stresswatch/deep/posts.py"
        )
        assert (image.command, image.entry_point) == (("handler.handler",), ())

    def test_a_training_image_has_an_entry_point(self, context: Path) -> None:
        image = read_image(image_asset(context, TRAINING_DOCKERFILE))
        assert image.entry_point == ("python", "-m", "jobs.train")
        assert {"jobs/train.py", "jobs/recipe.py"} <= set(image.files)
        assert "jobs/notes.txt" not in image.files

    def test_a_copy_to_an_unsupported_destination_is_rejected(self, context: Path) -> None:
        asset = image_asset(context, "COPY jobs /etc/jobs\n")
        with pytest.raises(UnsupportedTemplate, match="COPY jobs /etc/jobs"):
            read_image(asset)

    def test_a_copy_of_a_missing_source_is_rejected(self, context: Path) -> None:
        with pytest.raises(UnsupportedTemplate, match="nothing to copy for absent"):
            read_image(image_asset(context, "COPY absent .\n"))

    def test_a_functions_package_is_the_image_itself(self, context: Path) -> None:
        package = image_package(read_image(image_asset(context, FUNCTION_DOCKERFILE)))
        assert "handler.py" in names(package.content)

    def test_a_training_package_has_the_runner_and_the_image(self, context: Path) -> None:
        package = image_package(read_image(image_asset(context, TRAINING_DOCKERFILE)))
        assert {"handler.py", "container/jobs/train.py"} <= names(package.content)


def test_the_same_files_make_the_same_zip() -> None:
    first = zip_files({"a": b"1", "b": b"2"})
    assert zip_files({"b": b"2", "a": b"1"}) == first
    assert zip_files({"a": b"1", "b": b"3"}) != first


DESTINATION = {"bucketName": "assets-${AWS::AccountId}-${AWS::Region}", "assumeRoleArn": "role"}


@pytest.fixture
def app(context: Path) -> Path:
    write_app(context)
    return context


def write_app(directory: Path, **manifest: Any) -> None:
    (directory / "Dockerfile").write_text(FUNCTION_DOCKERFILE)
    (directory / "layer/python/numpy-2.0.dist-info").mkdir(parents=True)
    (directory / "layer/python/numpy-2.0.dist-info/METADATA").touch()
    artifacts = {
        "app-dev.assets": {"type": "cdk:asset-manifest", "properties": {"file": "assets.json"}},
        "app-dev": {
            "type": "aws:cloudformation:stack",
            "properties": {
                "templateFile": "template.json",
                "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/version",
                "requiresBootstrapStackVersion": 6,
            },
        },
    }
    template = {
        "Resources": {
            "Layer": {
                "Type": "AWS::Lambda::LayerVersion",
                "Properties": {"Content": {"S3Key": "layer.zip"}},
            },
            "Drift": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"PackageType": "Image", "Code": {"ImageUri": "registry/r:tag"}},
            },
        }
    }
    files = {
        "1": {
            "source": {"path": "jobs", "packaging": "zip"},
            "destinations": {"here": DESTINATION | {"objectKey": "jobs.zip"}},
        },
        "2": {
            "source": {"path": "layer", "packaging": "zip"},
            "destinations": {"here": DESTINATION | {"objectKey": "layer.zip"}},
        },
        "3": {
            "source": {"path": "template.json", "packaging": "file"},
            "destinations": {"here": DESTINATION | {"objectKey": "template.json"}},
        },
    }
    images = {
        "tag": {
            "source": {"directory": ".", "dockerFile": "Dockerfile"},
            "destinations": {"here": {"repositoryName": "r", "imageTag": "tag"}},
        }
    }
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts | manifest}))
    (directory / "template.json").write_text(json.dumps(template))
    (directory / "assets.json").write_text(json.dumps({"files": files, "dockerImages": images}))


class TestAssembly:
    def test_an_assembly_is_read_for_the_account_and_region(self, app: Path) -> None:
        assembly = read_assembly(app, "000000000000", "us-east-1")
        assert assembly.stack_name == "app-dev"
        assert {asset.key for asset in assembly.files} == {"jobs.zip", "layer.zip"}
        assert {asset.bucket for asset in assembly.files} == {"assets-000000000000-us-east-1"}
        assert [image.tag for image in assembly.images] == ["tag"]

    def test_a_folder_without_an_app_is_rejected_with_the_remedy(self, tmp_path: Path) -> None:
        with pytest.raises(LocalStackError, match="make synth"):
            read_assembly(tmp_path, "000000000000", "us-east-1")

    def test_an_app_with_two_stacks_is_rejected(self, context: Path) -> None:
        write_app(context, other={"type": "aws:cloudformation:stack", "properties": {}})
        with pytest.raises(UnsupportedTemplate, match="one is needed"):
            read_assembly(context, "000000000000", "us-east-1")


class TestDeployment:
    def test_every_asset_that_the_template_needs_is_uploaded(self, app: Path) -> None:
        made = plan_deployment(
            read_assembly(app, "000000000000", "us-east-1"), "packages", "http://127.0.0.1"
        )
        code = made.template["Resources"]["Drift"]["Properties"]["Code"]
        assert code["S3Bucket"] == "packages"
        assert ("packages", code["S3Key"]) in made.uploads
        jobs = made.uploads["assets-000000000000-us-east-1", "jobs.zip"]()
        assert names(jobs) == {"train.py", "recipe.py", "notes.txt"}

    def test_third_party_layers_are_recognised_by_their_metadata(self, app: Path) -> None:
        made = plan_deployment(
            read_assembly(app, "000000000000", "us-east-1"), "packages", "http://127.0.0.1"
        )
        assert set(made.template["Resources"]) == {"Drift"}

    def test_the_bootstrap_version_is_set(self, app: Path) -> None:
        made = plan_deployment(
            read_assembly(app, "000000000000", "us-east-1"), "packages", "http://127.0.0.1"
        )
        assert made.parameters == {"/cdk-bootstrap/version": "6"}
