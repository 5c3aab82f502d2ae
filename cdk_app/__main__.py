"""Synthesize: ``python -m cdk_app`` writes ``cdk.out/``; the CDK CLI runs the same."""

from cdk_app.app import synthesize

synthesize()
