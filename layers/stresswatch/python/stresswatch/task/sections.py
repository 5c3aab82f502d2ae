"""The parts of a task definition.

They are named tuples: every cold start makes them, and dataclasses take five times as long.
"""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple


class TextResources(NamedTuple):
    """Language of the posts, and the word lists that the model may use.

    Attributes
    ----------
    language : str
        Of most posts, as a BCP 47 tag such as ``en``.
    lexicons : tuple of str
        Names of `LEXICONS`; empty for a task without any.
    """

    language: str
    lexicons: tuple[str, ...]


class Fields(NamedTuple):
    """Names that the fields of a post have in records and in labelled posts."""

    id: str
    text: str
    source: str
    created_at: str


class Label(NamedTuple):
    """The two classes.

    Attributes
    ----------
    field : str
        Name of the predicted class, true or false, in predictions and in the archive.
    noun : str
        What the positive class is about, as in "probability of stress" and "stress rate".
    threshold : float
        The probability from which on a post is called positive, between 0 and 1.
    positive, negative : tuple of str
        Names of each class in lower case. The first is shown; files may have any of them.
    column : str
        Name of the label's column in files of labelled posts; ``label`` stays valid beside it.
    """

    field: str
    noun: str
    threshold: float
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    column: str

    @property
    def rate(self) -> str:
        """Return what the share of positive posts is called, such as "stress rate"."""
        return f"{self.noun} rate"

    def name(self, label: int) -> str:
        """Return the name of a class: of the positive one for 1, of the negative one for 0."""
        return (self.positive if label else self.negative)[0]


class NumericFeature(NamedTuple):
    """A number that a post may have.

    Attributes
    ----------
    minimum, maximum : float or None
        The plausible range. A value outside of it is accepted: the range describes.
    """

    name: str
    description: str
    unit: str
    minimum: float | None = None
    maximum: float | None = None

    @property
    def range(self) -> str:
        """Return the plausible range and the unit in words; empty without either."""
        low, high = self.minimum, self.maximum
        if low is not None and high is not None:
            span = f"{low:g} to {high:g}"
        elif low is not None:
            span = f"at least {low:g}"
        else:
            span = "" if high is None else f"at most {high:g}"
        return " ".join(part for part in (span, self.unit) if part)


class RecipeDefaults(NamedTuple):
    """Defaults of the training job's hyperparameters."""

    number_weight: float
    minimum_document_frequency: int
    inverse_regularisation: float


class GateFloors(NamedTuple):
    """What a model must reach to be promoted, where a stage does not say otherwise."""

    minimum_roc_auc: float


class Wording(NamedTuple):
    """Sentences for people.

    Attributes
    ----------
    notice : str
        One sentence that stands wherever probabilities are shown.
    purpose, limits : str
        Paragraphs of the model card.
    must_not_be_used : tuple of str
        Uses that the model card rules out; empty for none.
    guideline : str
        What annotators are shown, as Markdown.
    """

    notice: str
    purpose: str
    limits: str
    must_not_be_used: tuple[str, ...]
    guideline: str


class Task(NamedTuple):
    """What a model reads, what it predicts, and how that is put into words.

    Attributes
    ----------
    name : str
        A word for programs, such as ``stress``.
    title, description : str
        A phrase and a sentence for people.
    """

    name: str
    title: str
    description: str
    text: TextResources
    fields: Fields
    label: Label
    numeric_features: tuple[NumericFeature, ...]
    recipe: RecipeDefaults
    gate: GateFloors
    wording: Wording

    @property
    def identity(self) -> dict[str, str]:
        """Return what a model version says of its task."""
        return {"name": self.name, "digest": self.digest}

    @property
    def digest(self) -> str:
        """Return 12 hexadecimal digits, which differ for tasks whose models mean different things.

        Fields, features with their units, the label's field and the classes count; so does no
        description, range, default or wording.
        """
        meaning = {
            "fields": [self.fields.id, self.fields.text, self.fields.source],
            "features": sorted((one.name, one.unit) for one in self.numeric_features),
            "label": [self.label.field, self.label.name(1), self.label.name(0)],
        }
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:12]
