"""A pipeline's file is treated as untrusted."""

import io
import os
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresswatch.model import pipeline_file
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.pipeline_file import UntrustedType, read, requested_types, write

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]


@pytest.fixture
def data():
    return write(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y))


def test_a_pipeline_reads_as_it_was_written(data):
    assert read(data).predict_proba(X).shape == (4, 2)
    assert requested_types(data) == ()


def test_a_function_that_is_not_trusted_is_refused_by_name_on_both_sides():
    hostile = FunctionTransformer(os.system)
    with pytest.raises(UntrustedType, match=r"made of posix\.system, which is not trusted"):
        write(hostile)
    with pytest.raises(CorruptArtefact, match=r"made of posix\.system, which is not trusted"):
        read(skops.io.dumps(hostile))


def test_a_foreign_class_is_refused(data):
    class Theirs(StandardScaler):
        pass

    with pytest.raises(UntrustedType, match="Theirs"):
        write(Theirs().fit(X))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_bytes_that_are_cut_off_are_refused(data, share):
    with pytest.raises(CorruptArtefact):
        read(data[: int(len(data) * share)])


def test_what_unpacks_to_too_much_is_refused(data, monkeypatch):
    monkeypatch.setattr(pipeline_file, "_MAXIMUM_UNPACKED_BYTES", 100)
    with pytest.raises(CorruptArtefact, match="unpacks to over 100 bytes"):
        read(data)


def test_an_archive_that_is_no_pipeline_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        read(buffer.getvalue())


def test_a_pipeline_of_another_scikit_learn_is_refused(data, monkeypatch):
    monkeypatch.setattr("sklearn.base.__version__", "0.1")
    with pytest.raises(CorruptArtefact, match=r"and 0\.1 is installed: train again"):
        read(data)
