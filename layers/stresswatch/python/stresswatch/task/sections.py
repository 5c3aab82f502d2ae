"""The sections of a task definition.

They are named tuples, because every cold start creates them, and dataclasses take five times as
long.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import NamedTuple


class TextResources(NamedTuple):
    """The language of the posts, and the word lists available to the model.

    Attributes
    ----------
    language : str
        Language of most posts, as a BCP 47 tag such as ``en``.
    lexicons : tuple of str
        Names in `LEXICONS`; empty for a task without any.
    """

    language: str
    lexicons: tuple[str, ...]


class Fields(NamedTuple):
    """The task's names for a post's fields, in records and in labelled posts."""

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
        The positive class as a noun, as in "probability of helpfulness".
    threshold : float
        The probability from which a post is predicted as positive, between 0 and 1.
    positive, negative : tuple of str
        Names of each class in lower case. The first is displayed; files may have any of them.
    column : str
        Name of the label column in files of labelled posts; ``label`` stays valid as well.
    """

    field: str
    noun: str
    threshold: float
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    column: str

    @property
    def rate(self) -> str:
        """Return the name for the share of positive posts, such as "helpfulness rate"."""
        return f"{self.noun} rate"

    @property
    def meaning(self) -> str:
        """Return the field and both classes, the positive one first: models must agree on all."""
        return f"{self.field} ({self.name(1)} or {self.name(0)})"

    def name(self, label: int) -> str:
        """Return a class name: the positive one for 1, the negative one for 0."""
        return (self.positive if label else self.negative)[0]


class NumericFeature(NamedTuple):
    """A numeric feature of a post.

    Attributes
    ----------
    minimum, maximum : float or None
        The plausible range, for descriptions. Values outside of it are accepted.
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


class HyperparameterDefaults(NamedTuple):
    """Defaults of the training job's hyperparameters."""

    number_weight: float
    minimum_document_frequency: int
    inverse_regularisation: float


class GateDefaults(NamedTuple):
    """Defaults of the `GateRules` of the same names, which depend on what is predicted."""

    minimum_roc_auc: float
    base_f1_margin: float
    base_brier_margin: float
    new_brier_margin: float
    community_f1_margin: float
    calibration_margin: float
    probation_brier_margin: float


class MonitoringDefaults(NamedTuple):
    """Default of the setting of the same name."""

    accepted_f1: float


class Wording(NamedTuple):
    """Sentences for people.

    Attributes
    ----------
    notice : str
        One sentence to display with every probability.
    purpose, limits : str
        Paragraphs of the model card.
    must_not_be_used : tuple of str
        Prohibited uses in the model card; empty for none.
    guideline : str
        The annotators' guideline, as Markdown.
    """

    notice: str
    purpose: str
    limits: str
    must_not_be_used: tuple[str, ...]
    guideline: str


class Task(NamedTuple):
    """A model's inputs and output, with their descriptions.

    Attributes
    ----------
    name : str
        A machine-readable word, such as ``reviews``.
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
    hyperparameters: HyperparameterDefaults
    gate: GateDefaults
    monitoring: MonitoringDefaults
    wording: Wording

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the names of the numeric features."""
        return tuple(feature.name for feature in self.numeric_features)

    def with_features(self, names: Collection[str]) -> Task:
        """Return the task with only the numeric features of these names, in its own order."""
        kept = tuple(feature for feature in self.numeric_features if feature.name in names)
        return self._replace(numeric_features=kept)

    @property
    def identity(self) -> dict[str, str]:
        """Return a model version's description of its task."""
        return {"name": self.name, "digest": self.digest}

    @property
    def digest(self) -> str:
        """Return 12 hexadecimal digits, which differ for tasks with incompatible models.

        They cover fields, features with their units, the label's field and the classes, but no
        descriptions, ranges, defaults or wording.
        """
        meaning = {
            "fields": [self.fields.id, self.fields.text, self.fields.source],
            "features": sorted((one.name, one.unit) for one in self.numeric_features),
            "label": [self.label.field, self.label.name(1), self.label.name(0)],
        }
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:12]
