"""A stage with scikit-learn as scorer: the functions that use its image."""

import pytest

from cdk_app.settings.errors import InvalidStage
from cdk_app.settings.stages import STAGES
from stresswatch.aws import stack_outputs
from stresswatch.model.scorer import ScorerKind
from tests.infrastructure.conftest import PLAIN, synthesize

PREDICTING = {"predictor", "api", "scoring", "gate"}


@pytest.fixture(scope="module")
def allowing(tmp_path_factory):
    """The development stage, which has a web service, with scikit-learn allowed as scorer."""
    changes = {"serving": {"scorer": "scikit-learn"}, "retraining": {"pipeline": "perceptron"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STAGES, "dev", STAGES["dev"].changed(**changes))
        return synthesize("dev", tmp_path_factory.mktemp("allowing"))


def functions(template):
    """The functions' properties by their names in the log."""
    found = [
        properties
        for properties in template.properties("AWS::Lambda::Function")
        if "POWERTOOLS_SERVICE_NAME" in properties.get("Environment", {}).get("Variables", {})
    ]
    return {one["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: one for one in found}


def test_by_default_predicting_functions_allow_only_arrays(template):
    made = functions(template)
    for name in PREDICTING:
        assert made[name]["Handler"] == "handler.handler"
        assert made[name]["Environment"]["Variables"]["SCORER"] == ScorerKind.ARRAYS


def test_predicting_functions_share_an_image_with_their_own_handlers(allowing):
    made = functions(allowing)
    images = {name for name, one in made.items() if one.get("PackageType") == "Image"}
    assert images == PREDICTING | {"drift"}
    for name in PREDICTING:
        assert made[name]["ImageConfig"] == {"Command": [f"{name}.handler.handler"]}
        assert made[name]["Environment"]["Variables"]["SCORER"] == ScorerKind.SCIKIT_LEARN
        assert made[name]["Environment"]["Variables"]["OMP_NUM_THREADS"] == "1"
    assert len({str(made[name]["Code"]) for name in PREDICTING}) == 1


def test_an_output_names_the_scorer_of_the_stage(template, allowing):
    said = [one.body["Outputs"][stack_outputs.SCORER]["Value"] for one in (template, allowing)]
    assert said == [ScorerKind.ARRAYS, ScorerKind.SCIKIT_LEARN]


def test_scikit_learn_needs_no_further_permissions(template, allowing):
    for role in ("PredictionPredictorRole", "WebServiceApiRole", "BatchScoringScoringRole"):
        assert allowing.allowed(role) == template.allowed(role)


def test_the_training_job_gets_the_pipeline(allowing, template):
    machines = [str(one) for one in allowing.properties("AWS::StepFunctions::StateMachine")]
    assert any('"pipeline":"perceptron"' in machine for machine in machines)
    machines = [str(one) for one in template.properties("AWS::StepFunctions::StateMachine")]
    assert any('"pipeline":"linear"' in machine for machine in machines)


@pytest.mark.parametrize("name", ["", "Perceptron", "a pipeline", "x" * 64])
def test_an_invalid_pipeline_name_is_rejected(name):
    with pytest.raises(InvalidStage, match=r"retraining\.pipeline"):
        PLAIN.changed(retraining={"pipeline": name})
