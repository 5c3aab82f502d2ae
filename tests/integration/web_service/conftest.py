"""A cold web service, and a champion for it."""

import pytest

import lambdas.api.handler as api
from lambdas.predictor.handler import predictor as predictor_of


@pytest.fixture(autouse=True)
def _cold_start():
    for cached in (api.service, api.manifest_of, predictor_of):
        cached.cache_clear()
    yield
    for cached in (api.service, api.manifest_of, predictor_of):
        cached.cache_clear()


@pytest.fixture
def champion(aws, version_files):
    return aws.promote("v1", version_files)
