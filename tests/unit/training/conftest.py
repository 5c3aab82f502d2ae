"""A training container without posts."""

import pytest


@pytest.fixture
def container(tmp_path):
    (tmp_path / "input/data/train").mkdir(parents=True)
    (tmp_path / "input/config").mkdir()
    return tmp_path
