"""Environments of functions: rendering and parsing are inverse, and other input is refused."""

from dataclasses import dataclass, replace

import pytest

from stresswatch.aws.environment import Environment, InvalidEnvironment
from stresswatch.contracts.reasons import ReasonsPolicy
from stresswatch.retraining.gate_rules import GateRules


@dataclass(frozen=True, kw_only=True)
class EveryType(Environment):
    bucket: str
    minutes: int
    share: float
    is_wanted: bool
    reasons: ReasonsPolicy
    gate_rules: GateRules


WHOLE = EveryType(
    stage="dev",
    bucket="archive",
    minutes=60,
    share=0.05,
    is_wanted=True,
    reasons=ReasonsPolicy.ON_REQUEST,
    gate_rules=GateRules(confidence=0.9),
)


@pytest.mark.parametrize("whole", [WHOLE, replace(WHOLE, is_wanted=False)])
def test_what_is_rendered_is_parsed_again(whole):
    assert EveryType.parse(whole.render() | {"AWS_REGION": "eu-central-1"}) == whole


def test_a_variable_is_named_after_its_field():
    rendered = WHOLE.render()
    assert rendered["BUCKET"] == "archive"
    assert rendered["IS_WANTED"] == "true"
    assert rendered["REASONS"] == "on_request"


@pytest.mark.parametrize("name", WHOLE.render())
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_variable_that_is_missing_or_blank_is_named(name, text):
    variables = WHOLE.render()
    del variables[name]
    if text is not None:
        variables[name] = text
    with pytest.raises(InvalidEnvironment, match=f"variable {name} must be set"):
        EveryType.parse(variables)


@pytest.mark.parametrize(
    ("name", "value", "type_"),
    [
        ("MINUTES", "1.5", "int"),
        ("SHARE", "much", "float"),
        ("IS_WANTED", "yes", "bool"),
        ("REASONS", "sometimes", "ReasonsPolicy"),
        ("GATE_RULES", "{}{", "GateRules"),
        ("GATE_RULES", "{}", "GateRules"),
    ],
)
def test_a_variable_of_another_type_is_named(name, value, type_):
    with pytest.raises(InvalidEnvironment, match=f"variable {name} is not of the type {type_}"):
        EveryType.parse(WHOLE.render() | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("SHARE", "nan"), ("SHARE", "inf"), ("SHARE", "-0.1"), ("MINUTES", "-1")],
)
def test_a_number_that_is_negative_or_not_finite_is_named(name, value):
    with pytest.raises(InvalidEnvironment, match=f"variable {name} is {value}"):
        EveryType.parse(WHOLE.render() | {name: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bucket", None),
        ("bucket", ""),
        ("bucket", 7),
        ("minutes", 1.5),
        ("minutes", "60"),
        ("share", float("nan")),
        ("share", "0.05"),
        ("is_wanted", 1),
        ("reasons", "sometimes"),
        ("gate_rules", {"confidence": 0.9}),
    ],
)
def test_a_value_that_would_not_be_parsed_is_not_rendered(field, value):
    with pytest.raises(InvalidEnvironment, match=f"variable {field.upper()} "):
        replace(WHOLE, **{field: value}).render()


@dataclass(frozen=True, kw_only=True)
class Optional(Environment):
    queue: str | None
    minutes: int | None


def test_a_variable_that_may_be_missing_is_none_without_it():
    nothing = Optional(stage="dev", queue=None, minutes=None)
    assert nothing.render() == {"STAGE": "dev"}
    assert Optional.parse({"STAGE": "dev", "QUEUE": " "}) == nothing


def test_a_variable_that_may_be_missing_is_of_its_type():
    given = Optional(stage="dev", queue="bucket", minutes=5)
    assert Optional.parse(given.render()) == given
    with pytest.raises(InvalidEnvironment, match="variable MINUTES is not of the type int"):
        Optional.parse(given.render() | {"MINUTES": "soon"})


def test_a_name_that_the_deployment_fills_in_is_rendered():
    token = "${Token[Archive.Name.7]}"
    assert replace(WHOLE, bucket=token).render()["BUCKET"] == token
