"""A baseline for comparison: an earlier project's model pipeline, from its description.

Text: lower case, links and digits removed, stop words removed, Snowball stems, counts. The
numeric features, scaled. Both are stacked as one dense matrix for a random forest, which is served
record by record.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pandas as pd
from nltk.stem.snowball import SnowballStemmer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.task.definition import TASK

_NOISE = re.compile(r"https?://\S+|www\.\S+|\d+|[^a-z\s]")
_stemmer = SnowballStemmer("english")


def clean(text: str) -> str:
    """Return a text in lower case, without links, digits and stop words, stemmed."""
    words = _NOISE.sub(" ", text.lower()).split()
    return " ".join(_stemmer.stem(word) for word in words if word not in ENGLISH_STOP_WORDS)


class BaselineModel:
    """The model pipeline, with its scaler fitted once: the original fitted it on each record."""

    def __init__(self, seed: int = 7):
        self._vectorizer = CountVectorizer()
        self._scaler = StandardScaler() if NUMERIC_FEATURES else FunctionTransformer()
        self._forest = RandomForestClassifier(n_estimators=100, random_state=seed)
        self._medians: pd.Series[float] = pd.Series(dtype=float)

    def fit(self, frame: pd.DataFrame, labels: Any) -> BaselineModel:
        self._medians = frame[list(NUMERIC_FEATURES)].median()
        self._vectorizer.fit(frame["text"].map(clean))
        self._scaler.fit(self._numbers(frame))
        self._forest.fit(self._stack(frame), labels)
        return self

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        return self._forest.predict_proba(self._stack(frame))

    def handle(self, record: dict[str, Any]) -> dict[str, Any]:
        """Predict one record of a Kinesis event, as that project's handler did."""
        post = json.loads(base64.b64decode(record["kinesis"]["data"]).decode("utf-8"))
        numbers = {name: post.get(name) for name in NUMERIC_FEATURES}
        frame = pd.DataFrame([{"text": post[TASK.fields.text], **numbers}])
        return {"post_id": post[TASK.fields.id], "probability": self.predict_proba(frame)[0, 1]}

    def _numbers(self, frame: pd.DataFrame) -> Any:
        return frame[list(NUMERIC_FEATURES)].astype(float).fillna(self._medians).to_numpy()

    def _stack(self, frame: pd.DataFrame) -> Any:
        counts = self._vectorizer.transform(frame["text"].map(clean)).toarray()
        return np.hstack([counts, self._scaler.transform(self._numbers(frame))])
