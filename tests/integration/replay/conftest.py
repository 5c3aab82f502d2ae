"""A stack with a champion, whose quarantine is replayed."""

import pytest

from lambdas.predictor.handler import predictor
from tests.integration.replay.stack import Stack


@pytest.fixture
def stack(aws, version_files, monkeypatch):
    predictor.cache_clear()
    aws.promote("v1", version_files)
    yield Stack(aws, monkeypatch)
    predictor.cache_clear()
