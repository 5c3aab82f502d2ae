"""Each function in a template has exactly the variables that its environment parses."""

from stresswatch.monitoring.environments import DriftEnvironment, QualityEnvironment
from stresswatch.rates.environments import RateEnvironment
from stresswatch.retraining.environments import (
    AdmissionEnvironment,
    ApprovalEnvironment,
    CompareEnvironment,
    DatasetEnvironment,
    GateEnvironment,
    NotifyEnvironment,
    ProbationEnvironment,
    PromoteEnvironment,
    RegistryEnvironment,
    ShadowEnvironment,
)
from stresswatch.serving.environments import (
    ApiEnvironment,
    PredictorEnvironment,
    ScoringEnvironment,
)
from stresswatch.settled.environments import PlanEnvironment, SettleEnvironment

ENVIRONMENTS = {
    "predictor": PredictorEnvironment,
    "api": ApiEnvironment,
    "scoring": ScoringEnvironment,
    "plan": PlanEnvironment,
    "settle": SettleEnvironment,
    "drift": DriftEnvironment,
    "quality": QualityEnvironment,
    "rate": RateEnvironment,
    "admission": AdmissionEnvironment,
    "dataset": DatasetEnvironment,
    "gate": GateEnvironment,
    "shadow": ShadowEnvironment,
    "compare": CompareEnvironment,
    "approval": ApprovalEnvironment,
    "promote": PromoteEnvironment,
    "probation": ProbationEnvironment,
    "notify": NotifyEnvironment,
    "registry": RegistryEnvironment,
}
OF_LIBRARIES = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "DO_NOT_TRACK", "HOME"}
"""Variables that libraries read by themselves."""


def variables_of_functions(template):
    """Return the variables of the project's functions by their services' names."""
    environments = [
        function.get("Environment", {}).get("Variables", {})
        for function in template.properties("AWS::Lambda::Function")
    ]
    return {
        variables["POWERTOOLS_SERVICE_NAME"]: variables
        for variables in environments
        if "POWERTOOLS_SERVICE_NAME" in variables
    }


def test_each_function_has_exactly_the_variables_it_parses(any_stage):
    functions = variables_of_functions(any_stage)
    assert functions
    for name, variables in functions.items():
        texts = {
            variable: value if isinstance(value, str) else "a name that the deployment fills in"
            for variable, value in variables.items()
        }
        parsed = ENVIRONMENTS[name].parse(texts)
        assert texts.keys() - OF_LIBRARIES == parsed.render().keys() - OF_LIBRARIES, name


def test_every_environment_belongs_to_a_function(template, staging, production):
    found = set().union(*map(variables_of_functions, (template, staging, production)))
    assert found == ENVIRONMENTS.keys()
