"""MLflow's address: a stage setting, which the training job receives with its other needs."""

import json

import pytest

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from tests.infrastructure.conftest import actions, states, synthesize

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABC123"
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/research"
HTTPS = "https://mlflow.example.org/team"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """Return the template of the stage dev with an address."""
    templates = {}

    def synthesized(uri):
        if uri not in templates:
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(
                    STAGES, "dev", STAGES["dev"].changed(retraining={"tracking_uri": uri})
                )
                templates[uri] = synthesize("dev", tmp_path_factory.mktemp("tracked"))
        return templates[uri]

    return synthesized


def tracking_statements(template):
    return [
        statement
        for statement in template.statements("RetrainingTrainingRole")
        if "mlflow" in json.dumps(statement).lower()
    ]


def test_without_an_address_the_job_is_isolated_and_without_mlflow(template, workflow):
    parameters = workflow["TrainModel"]["Parameters"]
    assert parameters["EnableNetworkIsolation"] is True
    assert "Environment" not in parameters
    assert tracking_statements(template) == []


@pytest.mark.parametrize("uri", [APP, SERVER, HTTPS])
def test_with_an_address_the_job_gets_it_and_network_access(tracked, uri):
    parameters = states(tracked(uri))["TrainModel"]["Parameters"]
    assert parameters["Environment"] == {"MLFLOW_TRACKING_URI": uri}
    assert parameters["EnableNetworkIsolation"] is False


def test_the_job_records_in_the_experiment_of_the_stage(workflow):
    assert workflow["TrainModel"]["Parameters"]["HyperParameters"]["experiment"] == "stress-model"


RECORD = {
    f"sagemaker-mlflow:{action}"
    for action in (
        "CreateExperiment",
        "CreateRun",
        "GetExperimentByName",
        "GetRun",
        "LogBatch",
        "UpdateRun",
    )
}


@pytest.mark.parametrize(
    ("uri", "expected"), [(APP, RECORD | {"sagemaker:CallMlflowAppApi"}), (SERVER, RECORD)]
)
def test_the_job_may_record_only_at_the_configured_mlflow_arn(tracked, uri, expected):
    (statement,) = tracking_statements(tracked(uri))
    assert set(actions(statement)) == expected
    assert statement["Resource"] == uri


def test_a_self_hosted_server_needs_no_permission(tracked):
    assert tracking_statements(tracked(HTTPS)) == []


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://mlflow.example.org",
        "sqlite:///mlflow.db",
        "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/",
        "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/*",
        "arn:aws:s3:::bucket",
    ],
)
def test_an_invalid_tracking_address_is_rejected(uri):
    with pytest.raises(
        InvalidStage, match="; it must be the ARN of an MLflow app or tracking server"
    ):
        STAGES["dev"].changed(retraining={"tracking_uri": uri})


@pytest.mark.parametrize("name", ["", " stress", "a/b", "x" * 101])
def test_an_invalid_experiment_name_is_rejected(name):
    with pytest.raises(InvalidStage, match="; it must be a name of letters, digits, - and _"):
        STAGES["dev"].changed(retraining={"tracking_experiment": name})
