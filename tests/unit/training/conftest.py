"""Training containers: without posts, and after a training."""

import pytest

from tests.unit.training.container import files_of, lines, put_posts, run


@pytest.fixture
def container(tmp_path):
    return make_container(tmp_path)


def make_container(folder):
    """Return a container without posts in an empty folder."""
    (folder / "input/data/train").mkdir(parents=True)
    (folder / "input/config").mkdir()
    return folder


@pytest.fixture(scope="session")
def trained_files(tmp_path_factory, labelled_posts):
    """The files that a training on the labelled posts writes by default."""
    container = make_container(tmp_path_factory.mktemp("trained"))
    put_posts(container, lines(labelled_posts))
    assert run(container) == 0
    return files_of(container)
