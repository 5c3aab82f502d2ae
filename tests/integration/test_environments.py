"""A function names the variable that its environment lacks before it does anything."""

from importlib import import_module

import pytest

from stresswatch.aws.environment import InvalidEnvironment
from tests.conftest import PROJECT
from tests.integration.conftest import CONTEXT, ENVIRONMENT, request

FUNCTIONS = sorted(path.parent.name for path in PROJECT.glob("lambdas/*/handler.py"))
BUILT_ONCE = {"predictor": "predictor", "api": "service"}
"""Data kept from one invocation to the next, with its environment."""
EVENTS = {"api": request("GET", "/openapi.json")}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("given", [{}, {"STAGE": "dev"}], ids=["none", "the stage alone"])
def test_a_missing_variable_is_named_for_any_event(function, given, monkeypatch):
    module = import_module(f"lambdas.{function}.handler")
    if function in BUILT_ONCE:
        getattr(module, BUILT_ONCE[function]).cache_clear()
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidEnvironment, match=r"the environment variable \w+ must be set"):
        module.handler(EVENTS.get(function, {}), CONTEXT)
