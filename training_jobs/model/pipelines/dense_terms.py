"""A text's terms as a few dense columns, for classifiers without sparse input."""

from __future__ import annotations

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline

from stresswatch.text.normalisation import TOKEN_PATTERN, normalise

BUCKETS = 2**13
COMPONENTS = 50


def dense_terms(seed: int) -> Pipeline:
    """Return latent semantic analysis (Deerwester et al., 1990): tf-idf, then a truncated SVD.

    Terms are hashed, because skops would store a vocabulary term by term, which loads in seconds.
    """
    counts = HashingVectorizer(
        n_features=BUCKETS, preprocessor=normalise, token_pattern=TOKEN_PATTERN, norm=None
    )
    return Pipeline(
        [
            ("counts", counts),
            ("tf_idf", TfidfTransformer()),
            ("svd", TruncatedSVD(COMPONENTS, random_state=seed)),
        ]
    )
