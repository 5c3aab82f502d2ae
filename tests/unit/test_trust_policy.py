"""The trust policy that `docs/delivery.md` documents for the role of GitHub's deployments."""

import json
from fnmatch import fnmatchcase

import pytest

from docs.__main__ import PROJECT
from tests.documented import blocks

ISSUER = "token.actions.githubusercontent.com"
YOURS = {"OWNER_ID": "583231", "REPOSITORY_ID": "1296269", "OWNER": "octo", "REPOSITORY": "stress"}
NAMED = "repo:octo/stress:environment:production"
NUMBERED = "repo:octo@583231/stress@1296269:environment:production"
MATCHES = {"StringEquals": str.__eq__, "StringLike": fnmatchcase}


@pytest.fixture(scope="module")
def statement():
    page = (PROJECT / "docs" / "delivery.md").read_text()
    (policy,) = [text for language, text in blocks(page) if language == "json" and ISSUER in text]
    for placeholder, name in YOURS.items():
        policy = policy.replace(placeholder, name)
    (found,) = json.loads(policy)["Statement"]
    return found


def is_trusted(statement, **claims):
    """Return whether IAM lets a token with these claims assume the role: all conditions match."""
    return all(
        any(
            MATCHES[operator](claims[key.removeprefix(f"{ISSUER}:")], value)
            for value in _list(values)
        )
        for operator, conditions in statement["Condition"].items()
        for key, values in conditions.items()
    )


def _list(values):
    return [values] if isinstance(values, str) else values


@pytest.mark.parametrize("subject", [NAMED, NUMBERED])
def test_both_forms_of_githubs_subject_are_trusted(statement, subject):
    assert is_trusted(statement, aud="sts.amazonaws.com", sub=subject)


@pytest.mark.parametrize(
    "subject",
    [
        "repo:octo/stress:environment:staging",
        "repo:octo/stress:environment:production-2",
        "repo:octo/stress:ref:refs/heads/main",
        "repo:octo/stress:pull_request",
        "repo:octo/stress2:environment:production",
        "repo:octopus/stress:environment:production",
        "repo:octo@1/stress:environment:production",
        "repo:octo@1/stress@1296269:environment:production",
        "repo:octo@583231/stress@1:environment:production",
        "repo:octo@583231/stress@12962690:environment:production",
        "repo:octo@583231/stress@1296269:environment:staging",
        "repo:octo@583231/stress@1296269:ref:refs/heads/main",
        "repo:octo-evil@583231/stress@1296269:environment:production",
        "repo:evil/octo/stress:environment:production",
        "Repo:octo/stress:environment:production",
        "",
    ],
)
def test_a_similar_subject_is_denied(statement, subject):
    assert not is_trusted(statement, aud="sts.amazonaws.com", sub=subject)


@pytest.mark.parametrize("subject", [NAMED, NUMBERED])
def test_a_token_for_another_audience_is_denied(statement, subject):
    assert not is_trusted(statement, aud="https://github.com/octo", sub=subject)


def test_only_githubs_tokens_may_assume_the_role(statement):
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{ISSUER}")
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
