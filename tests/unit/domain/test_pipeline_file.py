"""A pipeline's file is treated as untrusted."""

import io
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from stresswatch.model import pipeline_file
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.model.pipeline_file import UntrustedType, read, requested_types, write

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), [0, 0, 1, 1]


@pytest.fixture
def data():
    return write(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y))


def test_a_written_pipeline_reads_back_and_predicts(data):
    assert read(data).predict_proba(X).shape == (4, 2)
    assert requested_types(data) == ()


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5),
        ExtraTreesClassifier(5),
        GradientBoostingClassifier(n_estimators=5),
        HistGradientBoostingClassifier(max_iter=5),
        AdaBoostClassifier(n_estimators=5),
        BaggingClassifier(n_estimators=5),
        DecisionTreeClassifier(),
        KNeighborsClassifier(),
        SGDClassifier(loss="log_loss"),
        GaussianNB(),
        SVC(),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        CalibratedClassifierCV(LinearSVC(), cv=2, method="isotonic"),
        VotingClassifier([("nb", GaussianNB()), ("logistic", LogisticRegression())]),
        StackingClassifier([("nb", GaussianNB()), ("logistic", LogisticRegression())], cv=2),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
def test_common_scikit_learn_classifiers_are_trusted(classifier):
    chance = np.random.default_rng(0)
    table = pd.DataFrame({"text": ["a calm day", "panic all night"] * 30, "n": chance.random(60)})
    features = ColumnTransformer(
        [
            ("terms", TfidfVectorizer(), "text"),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["n"]),
        ],
        sparse_threshold=0,
    )
    pipeline = make_pipeline(features, SelectKBest(k=4), classifier).fit(table, [0, 1] * 30)
    again = read(write(pipeline))
    assert again.predict(table).tolist() == pipeline.predict(table).tolist()


def test_an_untrusted_function_is_rejected_on_write_and_read():
    hostile = FunctionTransformer(os.system)
    with pytest.raises(UntrustedType, match=r"made of posix\.system, which is not trusted"):
        write(hostile)
    with pytest.raises(CorruptArtefact, match=r"made of posix\.system, which is not trusted"):
        read(skops.io.dumps(hostile))


def test_a_foreign_class_is_rejected(data):
    class Theirs(StandardScaler):
        pass

    with pytest.raises(UntrustedType, match="Theirs"):
        write(Theirs().fit(X))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_pipeline_file_is_rejected(data, share):
    with pytest.raises(CorruptArtefact):
        read(data[: int(len(data) * share)])


def test_a_pipeline_file_that_unpacks_too_large_is_rejected(data, monkeypatch):
    monkeypatch.setattr(pipeline_file, "_MAXIMUM_UNPACKED_BYTES", 100)
    with pytest.raises(CorruptArtefact, match="unpacks to over 100 bytes"):
        read(data)


def test_an_archive_without_a_pipeline_is_rejected():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(CorruptArtefact, match="cannot be read"):
        read(buffer.getvalue())


def test_a_pipeline_of_another_scikit_learn_version_is_rejected(data, monkeypatch):
    monkeypatch.setattr("sklearn.base.__version__", "0.1")
    with pytest.raises(CorruptArtefact, match=r"and 0\.1 is installed: train again"):
        read(data)
