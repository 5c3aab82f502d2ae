"""Base data, and executions of the retraining workflow."""

import pytest

from tests.conftest import make_posts
from tests.integration.retraining.workflow import Executions, lines


@pytest.fixture
def base(aws):
    aws.put("training", "datasets/base/posts.jsonl", lines(make_posts(300)))


@pytest.fixture
def executions(aws):
    return Executions()
