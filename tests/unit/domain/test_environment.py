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
def test_a_rendered_environment_parses_back(whole):
    assert EveryType.parse(whole.render() | {"AWS_REGION": "eu-central-1"}) == whole


def test_a_variable_is_named_after_its_field():
    rendered = WHOLE.render()
    assert rendered["BUCKET"] == "archive"
    assert rendered["IS_WANTED"] == "true"
    assert rendered["REASONS"] == "on_request"


@pytest.mark.parametrize("name", WHOLE.render())
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_missing_or_blank_variable_is_named_in_the_error(name, text):
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
def test_a_variable_of_the_wrong_type_is_named_in_the_error(name, value, type_):
    with pytest.raises(InvalidEnvironment, match=f"variable {name} is not of the type {type_}"):
        EveryType.parse(WHOLE.render() | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("SHARE", "nan"), ("SHARE", "inf"), ("SHARE", "-0.1"), ("MINUTES", "-1")],
)
def test_a_negative_or_non_finite_number_is_named_in_the_error(name, value):
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
def test_an_unparsable_value_is_not_rendered(field, value):
    with pytest.raises(InvalidEnvironment, match=f"variable {field.upper()} "):
        replace(WHOLE, **{field: value}).render()


@dataclass(frozen=True, kw_only=True)
class Optional(Environment):
    queue: str | None
    minutes: int | None


def test_a_missing_optional_variable_is_none():
    nothing = Optional(stage="dev", queue=None, minutes=None)
    assert nothing.render() == {"STAGE": "dev"}
    assert Optional.parse({"STAGE": "dev", "QUEUE": " "}) == nothing


def test_an_optional_variable_is_checked_for_its_type():
    given = Optional(stage="dev", queue="bucket", minutes=5)
    assert Optional.parse(given.render()) == given
    with pytest.raises(InvalidEnvironment, match="variable MINUTES is not of the type int"):
        Optional.parse(given.render() | {"MINUTES": "soon"})


def test_a_deploy_time_token_is_rendered_unchanged():
    token = "${Token[Archive.Name.7]}"
    assert replace(WHOLE, bucket=token).render()["BUCKET"] == token
