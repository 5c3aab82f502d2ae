"""Removal policies of data."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

from cdk_app.settings.stage import Stage

KEEP = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Keep a resource, unless its creation is rolled back: then it is empty.

In the template it is ``RetainExceptOnCreate``. With ``Retain``, each failed attempt of a first
deployment would leave its buckets, streams, tables and keys behind.
"""


def removal_policy(stage: Stage) -> RemovalPolicy:
    """Return a stage's removal policy for data."""
    return KEEP if stage.retains_data else RemovalPolicy.DESTROY
