"""Predictions of a batch of posts, by one model."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from stresswatch.contracts.posts import Post
from stresswatch.contracts.predictions import Prediction, ReadText, encode
from stresswatch.contracts.reasons import NoReasons, Reasons, ReasonsPolicy
from stresswatch.model.arithmetic import FloatArray
from stresswatch.model.feature_numbers import numbers_for
from stresswatch.model.scorer import Scorer
from stresswatch.text.normalisation import normalise

_ASCII_LETTERS = string.ascii_letters.encode()
_find_letters = re.compile(r"[^\W\d_]+").findall


def predict(
    posts: Sequence[tuple[str, Post]],
    scorer: Scorer,
    model_version: str,
    predicted_at: str,
    explains: ReasonsPolicy = ReasonsPolicy.NEVER,
    read_texts: Sequence[ReadText] | None = None,
) -> list[Prediction]:
    """Predict posts, given with their prediction ids, in one pass over the batch.

    Texts that were read already, one per post, may be passed; the archive rows then have their
    digests.
    """
    texts = read_texts or [ReadText(normalise(post.text)) for _, post in posts]
    numbers = numbers_for(scorer.numeric_features, [post for _, post in posts])
    scores = scorer.score_normalised([text.normalised for text in texts], numbers)
    return [
        Prediction(
            prediction_id,
            post,
            probability,
            (float(len(post.text)), unknown, non_letter_share(post.text), *of_words),
            model_version,
            predicted_at,
            _reasons(post, numbers[place], scorer, explains),
            text.digest,
            encode(prediction_id, post.post_id, probability, model_version, predicted_at),
        )
        for place, ((prediction_id, post), text, probability, unknown, *of_words) in enumerate(
            zip(posts, texts, *(each.tolist() for each in scores), strict=True)
        )
    ]


def _reasons(
    post: Post, numbers: FloatArray, scorer: Scorer, explains: ReasonsPolicy
) -> Reasons | NoReasons | None:
    if explains is ReasonsPolicy.ALWAYS or (
        post.asks_reasons and explains is ReasonsPolicy.ON_REQUEST
    ):
        return scorer.explain(post.text, numbers.tolist()) or NoReasons()
    return None


def non_letter_share(text: str) -> float:
    """Return the share of characters that are not letters in any script; `text` is not empty."""
    # Deleting ASCII letters is quick, and usually leaves few characters.
    rest = text.encode("utf-8").translate(None, _ASCII_LETTERS)
    if rest.isascii():
        return len(rest) / len(text)
    others = rest.decode("utf-8")
    return (len(others) - sum(map(len, _find_letters(others)))) / len(text)
