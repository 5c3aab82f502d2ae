"""Embeddings by MiniLM: the model's view of a text, and the models that a pipeline accepts."""

import numpy as np
import pytest
import skops.io

from stresswatch.model import pipeline_file
from stresswatch.model.artefact_file import CorruptArtefact
from stresswatch.text.normalisation import normalise
from training_jobs.model import sentence_embeddings
from training_jobs.model.sentence_embeddings import (
    DIMENSIONS,
    MODEL_SHA256,
    MOST_TOKENS,
    SentenceEmbeddings,
    each_text_once,
)
from training_jobs.model.word_pieces import token_numbers

TEXTS = [
    "I lie awake every night and I panic about my rent.",
    "Worries about money keep me from sleeping!",
    "The train to the museum leaves at noon.",
]


@pytest.mark.parametrize(
    ("text", "numbers"),
    # As the package tokenizers 0.23.3 gives them with the model's own tokenizer.json.
    [
        ("", []),
        ("i can't sleep, and it's 3am?!",
         [1045, 2064, 1005, 1056, 3637, 1010, 1998, 2009, 1005, 1055, 23842, 2213, 1029, 999]),
        ("Überraschung im Café", [19169, 8180, 20760, 3070, 10047, 7668]),
        ("東京 is far", [1879, 1755, 2003, 2521]),
        ("i \U0001f62d so much", [1045, 100, 2061, 2172]),
        ("antidisestablishmentarianism",
         [3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964]),
        ("a\tb\u00a0c\u0007d", [1037, 1038, 3729]),
        ("x" * 101, [100]),
    ],
)  # fmt: skip
def test_tokens_equal_those_of_the_models_own_tokenizer(text, numbers):
    assert token_numbers(text, MOST_TOKENS) == [101, *numbers, 102]
    assert token_numbers(normalise(text), MOST_TOKENS) == [101, *numbers, 102]


def test_a_long_text_is_truncated_to_the_models_limit():
    words = " ".join(["sleep"] * (MOST_TOKENS - 2))
    assert len(token_numbers(words + " tonight", MOST_TOKENS)) == MOST_TOKENS
    cut, longer = SentenceEmbeddings().transform([words, words + " tonight"])
    assert cut.tolist() == longer.tolist()


def test_a_training_embeds_each_text_once(monkeypatch):
    embedded = []

    def count(session, text):
        embedded.append(text)
        return np.full(DIMENSIONS, float(len(text)))

    monkeypatch.setattr(sentence_embeddings, "_embed", count)
    with each_text_once():
        first, again = (SentenceEmbeddings().transform(TEXTS) for _ in range(2))
    assert embedded == TEXTS
    assert first.tolist() == again.tolist()
    SentenceEmbeddings().transform(TEXTS)
    assert embedded == TEXTS * 2  # a function that serves forgets them


def test_embeddings_have_unit_length_and_similar_texts_are_close():
    embeddings = SentenceEmbeddings().fit(TEXTS).transform(TEXTS)
    assert embeddings.shape == (3, DIMENSIONS)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1, abs=1e-6)
    alike = embeddings @ embeddings.T
    assert alike[0, 1] > alike[0, 2] + 0.3
    assert alike[0, 1] > alike[1, 2] + 0.3


def test_an_embedding_is_bit_for_bit_the_same_in_any_batch():
    together = SentenceEmbeddings().transform(TEXTS)
    alone = [SentenceEmbeddings().transform([text])[0] for text in TEXTS]
    assert together.tolist() == [one.tolist() for one in alone]


def test_empty_batches_and_empty_texts_are_embedded():
    assert SentenceEmbeddings().transform([]).shape == (0, DIMENSIONS)
    assert np.isfinite(SentenceEmbeddings().transform([""])).all()


def test_a_stored_transformer_has_the_models_digest_and_no_weights():
    data = pipeline_file.write(SentenceEmbeddings())
    assert len(data) < 2000
    assert pipeline_file.read(data).model_sha256 == MODEL_SHA256


def test_a_pipeline_of_another_embedding_model_fails_to_load():
    data = skops.io.dumps(SentenceEmbeddings("0" * 64))
    with pytest.raises(CorruptArtefact, match=f"{'0' * 64}, and .* has {MODEL_SHA256}: train"):
        pipeline_file.read(data)
