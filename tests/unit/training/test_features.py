import numpy as np
import pandas as pd
import pytest

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.model.arithmetic import SHARE_PRIOR
from stresswatch.model.explainer import Explainer
from stresswatch.model.sklearn_export import PARITY, export_pipeline, prove_parity
from stresswatch.task.definition import TASK
from training_jobs.model import fitting
from training_jobs.model.dataset import frame
from training_jobs.model.features import LexiconShares, TextImputer
from training_jobs.model.fitting import Hyperparameters, fit_pipeline
from training_jobs.model.lexicons import FUNCTION_WORDS, PUNCTUATION, read_lexicons

LEXICONS = {"negation": {"not": 1.0, "don't": 1.0}, "strength": {"awful": 2.5, "nice": -1.0}}


def shares(*texts):
    return LexiconShares(LEXICONS).fit(texts).transform(texts)


def test_a_lexicon_share_is_word_weight_over_tokens_plus_prior():
    (row,) = shares("I don\u2019t like AWFUL, awful days")
    assert row.tolist() == [1 / (7 + SHARE_PRIOR), 5 / (7 + SHARE_PRIOR)]


def test_a_text_without_tokens_has_zero_shares():
    assert shares("\N{GRINNING FACE}").tolist() == [[0.0, 0.0]]


def test_the_prior_dampens_the_share_of_a_one_word_text():
    (word,), (text,) = shares("not")[:, :1], shares("not " * 100)[:, :1]
    assert word < 0.1 < 0.9 < text


def test_fits_with_equal_lexicons_share_one_matrix():
    first, second = (LexiconShares(LEXICONS).fit([]) for _ in range(2))
    assert second.weights_ is first.weights_
    other = LexiconShares({"any": {"word": 1.0}}).fit([])
    assert (other.words_, other.weights_.toarray().tolist()) == (("word",), [[1.0]])
    assert LexiconShares(LEXICONS).fit([]).words_ == first.words_


def posts(rows):
    table = pd.DataFrame(rows, columns=["text", "number"])
    return table.astype({"number": float})


def test_a_missing_numeric_feature_is_imputed_and_a_given_one_kept():
    known = [(f"{'not ' * (place % 20)}{'day ' * 20}", place % 20) for place in range(200)]
    imputer = TextImputer(LEXICONS).fit(posts(known))
    filled = imputer.transform(posts([("day " * 20, None), ("not " * 15 + "day " * 20, None)]))
    assert filled[1, 0] - filled[0, 0] > 8
    assert imputer.transform(posts([("not " * 15, 3.0)])).tolist() == [[3.0]]


def test_an_imputer_learns_only_from_posts_with_the_feature():
    imputer = TextImputer(LEXICONS).fit(posts([("not good", 4.0), ("a day", None)]))
    assert imputer.transform(posts([("a day", None)])) == pytest.approx(4.0)


def test_the_lexicons_cover_feelings_and_function_words():
    lexicons = read_lexicons()
    assert set(FUNCTION_WORDS) < set(lexicons)
    assert lexicons["negative_strength"]["terrified"] > lexicons["negative_strength"]["sad"] > 0
    assert lexicons["polarity"]["awful"] < 0 < lexicons["polarity"]["wonderful"]
    assert "i'm" in lexicons["first_person_singular"]
    assert all(np.isfinite(list(lexicon.values())).all() for lexicon in lexicons.values())


def test_a_task_without_lexicons_reads_punctuation_and_is_served(labelled_posts, monkeypatch):
    monkeypatch.setattr(fitting, "TASK", TASK._replace(text=TASK.text._replace(lexicons=())))
    pipeline = fit_pipeline(labelled_posts, Hyperparameters())
    artefact = export_pipeline(pipeline)
    assert set(artefact.categories) == set(PUNCTUATION)
    assert prove_parity(artefact, pipeline, frame(labelled_posts)) <= PARITY
    numbers = np.array([labelled_posts[0].post.numbers])
    assert artefact.score(["a wonderful day"], numbers).sentiment == [0]


def test_an_added_word_class_is_learned_and_explained(labelled_posts, monkeypatch):
    monkeypatch.setitem(FUNCTION_WORDS, "distress", "panic afraid crying anxious worried alone")
    read_lexicons.cache_clear()
    try:
        artefact = export_pipeline(fit_pipeline(labelled_posts, Hyperparameters()))
    finally:
        read_lexicons.cache_clear()
    numbers = [float("nan")] * len(NUMERIC_FEATURES)
    said = Explainer(artefact).explain("panic afraid crying " * 3, numbers).features
    assert any(one.feature == "distress" and one.log_odds > 0 for one in said)


def test_every_lexicon_word_can_be_found_in_text():
    lexicons = read_lexicons()
    words = {word for lexicon in lexicons.values() for word in lexicon}
    texts = sorted(words)
    found = LexiconShares({"any": dict.fromkeys(words, 1.0)}).fit(texts).transform(texts)
    assert (found == 1 / (1 + SHARE_PRIOR)).all()
