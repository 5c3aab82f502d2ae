"""What becomes of data when its stack goes."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

from cdk_app.settings.stage import Stage

KEEP = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Keep a resource, unless its first creation is undone: then it is empty, and would be an orphan.

In the template it is ``RetainExceptOnCreate``. With ``Retain``, each attempt of a first deployment
that fails would leave its buckets, streams, tables and keys behind.
"""


def removal_policy(stage: Stage) -> RemovalPolicy:
    """Return what a stage does with its data when it is deleted."""
    return KEEP if stage.retains_data else RemovalPolicy.DESTROY
