"""Pipelines that arrays cannot score: fitted, stored with skops, and loaded as they will serve."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import ReadText
from stresswatch.contracts.reasons import NOT_AVAILABLE, ReasonsPolicy
from stresswatch.model.artefact import Artefact
from stresswatch.model.predict import predict
from stresswatch.model.scorer import ScorerKind
from stresswatch.model.sklearn_export import NotExportable, export_pipeline
from stresswatch.text.normalisation import normalise
from stresswatch.versions.model_version import MODEL_FILE, PIPELINE_FILE, Manifest, sha256
from tests.conftest import make_posts
from tests.unit.training.container import files_of, lines, put_parameters, put_posts, run
from training_jobs.model import fitting
from training_jobs.model.dataset import DataSet, frame
from training_jobs.model.delivery import deliver
from training_jobs.model.fitting import Hyperparameters, UnusablePipeline, fit_pipeline

EXAMPLES = ["gradient-boosting", "perceptron", "sentence-embeddings"]
POSTS, OTHERS = make_posts(200), make_posts(60, seed=2)
DATA = DataSet([*POSTS, *OTHERS], POSTS, OTHERS, invalid=0, unweighted=0)


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    """An example's hyperparameters, its pipeline, and its delivered files."""
    hyperparameters = Hyperparameters(pipeline=request.param)
    with threadpool_limits(1):
        pipeline = fit_pipeline(POSTS, hyperparameters)
        yield hyperparameters, pipeline, deliver(pipeline, DATA, hyperparameters)


def test_a_stored_pipeline_predicts_as_the_fitted_one_does(example):
    _, pipeline, delivery = example
    posts = [(post.post.post_id, post.post) for post in OTHERS]
    predicted = predict(posts, delivery.scorer, "v1", "2026-01-01T00:00:00+00:00")
    expected = pipeline.predict_proba(frame(OTHERS))[:, 1]
    assert [one.probability for one in predicted] == pytest.approx(expected, abs=1e-12)
    assert delivery.parity <= 1e-12


def test_a_post_scores_the_same_in_a_batch_of_any_size(example):
    scorer = example[2].scorer
    texts = [normalise(post.post.text) for post in OTHERS]
    numbers = np.array([post.post.numbers for post in OTHERS])
    together = scorer.score_normalised(texts, numbers).probability
    alone = [scorer.score_normalised([texts[0]], numbers[:1]).probability[0]]
    assert alone == pytest.approx(together[:1], abs=1e-12)
    assert len(scorer.score_normalised([], numbers[:0]).probability) == 0


def test_text_descriptors_equal_those_of_an_exported_model(example):
    arrays = export_pipeline(fit_pipeline(POSTS, Hyperparameters()))
    texts = [normalise(post.post.text) for post in OTHERS]
    numbers = np.array([post.post.numbers for post in OTHERS])
    ours, theirs = (one.score_normalised(texts, numbers) for one in (example[2].scorer, arrays))
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        assert mine.tolist() == other.tolist()


def test_requested_reasons_are_reported_as_not_available(example):
    post = OTHERS[0].post
    posts, texts = [(post.post_id, post)], [ReadText(normalise(post.text))]
    (asked,) = predict(posts, example[2].scorer, "v1", "now", ReasonsPolicy.ALWAYS, texts)
    (silent,) = predict(posts, example[2].scorer, "v1", "now", ReasonsPolicy.NEVER, texts)
    assert json.loads(asked.message())["reasons"] == NOT_AVAILABLE == "not available"
    assert "reasons" not in json.loads(silent.message())


def test_the_model_file_has_the_pipelines_digest_and_no_weights(example):
    files = example[2].files
    artefact = Artefact.from_bytes(files[MODEL_FILE])
    assert artefact.pipeline_sha256 == sha256(files[PIPELINE_FILE])
    assert not artefact.weight.any()
    assert not artefact.share_weight.any()
    assert not artefact.number_weight.any()


def test_an_unexportable_step_is_named_in_the_error(example):
    named = r"step 'classifier' is Hist|steps are .*'scale'|step 'features' is .*'embedding'"
    with pytest.raises(NotExportable, match=named):
        export_pipeline(example[1])


def test_the_manifest_records_the_scorer_and_its_trusted_types(container):
    put_posts(container, lines(POSTS))
    put_parameters(container, pipeline="gradient-boosting")
    with threadpool_limits(1):
        assert run(container) == 0
    files = files_of(container)
    manifest = Manifest.from_bytes(files["manifest.json"])
    assert manifest.scorer is ScorerKind.SCIKIT_LEARN
    assert manifest.files[PIPELINE_FILE] == sha256(files[PIPELINE_FILE])
    assert "HistGradientBoostingClassifier" in manifest.not_exportable
    assert "training_jobs.model.features.LexiconShares" in manifest.trusted_types
    assert manifest.selected_features == NUMERIC_FEATURES
    assert manifest.hyperparameters["pipeline"] == "gradient-boosting"


def failure(container) -> str:
    assert run(container) == 1
    return (container / "output/failure").read_text()


def test_an_unknown_pipeline_is_rejected_with_the_known_ones(container):
    put_parameters(container, pipeline="forest")
    assert failure(container) == (
        "unknown pipeline 'forest'; known are "
        "linear, gradient-boosting, perceptron, sentence-embeddings"
    )


def use(monkeypatch, classifier, *steps):
    """Make another pipeline the default, over terms alone."""
    terms = ColumnTransformer([("terms", TfidfVectorizer(), "text")])
    pipeline = Pipeline([("features", terms), *steps, ("classifier", classifier)])
    monkeypatch.setattr(fitting, "PIPELINES", {"linear": lambda *_: pipeline})


@pytest.mark.parametrize(
    ("step", "remedy"),
    [(LinearSVC(), "wrap it in a Calibrated"), (LinearRegression(), "use a classifier")],
)
def test_a_last_step_without_probabilities_is_rejected(container, monkeypatch, step, remedy):
    use(monkeypatch, step)
    put_posts(container, lines(POSTS))
    name = type(step).__name__
    assert f"'classifier' ({name}), has no predict_proba; {remedy}" in failure(container)


def test_a_calibrated_linear_svc_is_served(container, monkeypatch):
    use(monkeypatch, CalibratedClassifierCV(LinearSVC()))
    put_posts(container, lines(POSTS))
    assert run(container) == 0
    manifest = Manifest.from_bytes(files_of(container)["manifest.json"])
    assert manifest.scorer is ScorerKind.SCIKIT_LEARN


def test_a_builder_must_return_a_pipeline(monkeypatch):
    monkeypatch.setattr(fitting, "PIPELINES", {"linear": lambda *_: LinearSVC()})
    with pytest.raises(UnusablePipeline, match="returns a LinearSVC, but must return a Pipeline"):
        fit_pipeline(POSTS, Hyperparameters())


def test_low_confidence_labels_need_a_classifier_with_sample_weights(monkeypatch):
    use(monkeypatch, KNeighborsClassifier())
    assert fit_pipeline(POSTS, Hyperparameters()).predict_proba(frame(OTHERS)).shape == (60, 2)
    unsure = [replace(POSTS[0], confidence=0.5), *POSTS[1:]]
    with pytest.raises(UnusablePipeline, match=r"KNeighbors.*no sample weights, and 1 of 200"):
        fit_pipeline(unsure, Hyperparameters())


def test_an_untrusted_pipeline_type_is_rejected_by_name(container, monkeypatch):
    use(monkeypatch, KNeighborsClassifier(), ("print", FunctionTransformer(np.asarray)))
    put_posts(container, lines(POSTS))
    said = failure(container)
    assert "is made of numpy.asarray, which is not trusted" in said
    assert "TRUSTED_TYPES" in said


def test_an_oversized_pipeline_file_is_rejected(monkeypatch, example):
    monkeypatch.setattr("training_jobs.model.delivery.MAXIMUM_PIPELINE_BYTES", 1000)
    hyperparameters, pipeline, _ = example
    with pytest.raises(UnusablePipeline, match="the maximum is 1,000"):
        deliver(pipeline, DATA, hyperparameters)
