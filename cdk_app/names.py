"""Names that CloudFormation cannot generate, unique to each stack."""

from __future__ import annotations

from aws_cdk import Fn, Stack
from constructs import IConstruct

VENDED_LOGS = "/aws/vendedlogs/"
"""Prefix of log groups to which an AWS service writes directly.

Each other group adds its name to one resource policy of the account, of 5,120 characters.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""


def stack_suffix(scope: IConstruct) -> str:
    """Return the last twelve digits of the stack's id, which are unique.

    A stack that is created again under the same name has another id, so the first one's remains
    cause no conflict.
    """
    unique_id = Fn.select(2, Fn.split("/", Stack.of(scope).stack_id))
    return Fn.select(4, Fn.split("-", unique_id))
