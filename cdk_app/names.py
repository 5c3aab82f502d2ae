"""Names that a stack cannot leave to CloudFormation, and that must not outlive it."""

from __future__ import annotations

from aws_cdk import Fn, Stack
from constructs import IConstruct

VENDED_LOGS = "/aws/vendedlogs/"
"""Where log groups are that a service of AWS writes to by itself.

Each group elsewhere adds its name to one resource policy of the account, of 5,120 characters.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""


def stack_suffix(scope: IConstruct) -> str:
    """Return the last twelve digits of the stack's id, which no other stack has.

    A stack that is deleted and created again under the same name has another id, so what the first
    one left is in nobody's way.
    """
    unique_id = Fn.select(2, Fn.split("/", Stack.of(scope).stack_id))
    return Fn.select(4, Fn.split("-", unique_id))
