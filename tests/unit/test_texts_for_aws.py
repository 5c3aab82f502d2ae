"""Every text that is composed for an AWS service is in the form that the service accepts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from stresswatch.aws import service_text
from tests.conftest import PROJECT

TEXTS = frozenset(
    {
        "ApprovalDescription",
        "CustomerMetadataProperties",
        "Description",
        "Message",
        "StateReason",
        "Subject",
    }
)
"""Text parameters of calls, whose limits are in no type."""
FOLDERS = ("cli", "lambdas", "layers", "training_jobs")


def texts(source: str) -> Iterator[tuple[str, ast.expr]]:
    """Return each text that a module passes to a method, with its parameter."""
    for found in ast.walk(ast.parse(source)):
        if isinstance(found, ast.Call) and isinstance(found.func, ast.Attribute):
            for given in found.keywords:
                if given.arg in TEXTS:
                    yield given.arg, given.value


def is_in_a_form(text: ast.expr) -> bool:
    """Return whether a text is a literal, or the output of a function in `service_text`."""
    match text:
        case ast.Constant():
            return True
        case ast.DictComp(value=value):
            return is_in_a_form(value)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return callable(getattr(service_text, name, None))
    return False


def test_every_text_for_aws_has_the_form_its_service_accepts():
    found = [
        (f"{path.relative_to(PROJECT)}: {ast.unparse(text)}", text)
        for folder in FOLDERS
        for path in (PROJECT / folder).rglob("*.py")
        for _, text in texts(path.read_text())
    ]
    assert len(found) >= 7, "the messages, the registry's and the pointer's"
    assert [place for place, text in found if not is_in_a_form(text)] == []


@pytest.mark.parametrize(
    ("call", "is_fine"),
    [
        ('sns.publish(Subject=f"of {stage}")', False),
        ("sns.publish(Message=told)", False),
        ("sns.publish(Message=told(state))", False),
        ("sns.publish(Message=service_text.message(told))", True),
        ('sns.publish(Subject="A word")', True),
        ("ssm.put_parameter(Description=description(because))", True),
        ("sagemaker.create(CustomerMetadataProperties={n: v for n, v in told})", False),
    ],
)
def test_an_unformatted_text_is_found(call, is_fine):
    ((_, text),) = texts(call)
    assert is_in_a_form(text) is is_fine
