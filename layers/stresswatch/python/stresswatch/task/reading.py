"""Reads a task definition, and reports an invalid one in a sentence.

It runs at every function's start, so it uses only the standard library.
"""

from __future__ import annotations

import re
import tomllib

from stresswatch.task.label_words import folded
from stresswatch.task.sections import (
    Fields,
    GateDefaults,
    HyperparameterDefaults,
    Label,
    MonitoringDefaults,
    NumericFeature,
    Task,
    TextResources,
    Wording,
)
from stresswatch.task.table import InvalidTask, Table

TASK_VARIABLE = "STRESSWATCH_TASK"
"""Variable with the path of another task file than the shipped one."""
LEXICONS = ("function_words", "vader", "pattern")
"""Word lists available to a task; all of them are English."""
MAXIMUM_FEATURES = 100
TAKEN_IN_RECORDS = frozenset({"reasons", "label", "labelled_at", "confidence"})
"""Fields of posts and labels besides the task's own."""
RESERVED_NAMES = frozenset(
    {
        *TAKEN_IN_RECORDS,
        # columns of the archive, and its partitions
        *("prediction_id", "post_id", "probability", "model_version", "predicted_at"),
        *("source", "created_at", "text_digest", "inclusion_probability", "sample"),
        *("date", "hour"),
        # what drift measures beside the features
        *("text_length", "out_of_vocabulary_share", "non_letter_share", "text_sentiment"),
        *("word_rarity", "prediction_confidence", "missing_share"),
        # the model's input beside the features
        "text",
    }
)
"""Reserved names for features and the label field, in lower case."""
RESERVED_LABELS = frozenset(
    {
        *("posts", "positive", "invalid", "imputed", "drawable", "drawn"),
        *("probability_sum", "probability_sum_squares", "drawable_probability_sum"),
    }
)
"""Reserved names for the label field, which stands among other counts."""
_OF_PYDANTIC = "model_"
"""Prefix of methods of the web service's types."""

_WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def is_of_records(name: str) -> bool:
    """Return whether a field of posts cannot have a name."""
    return name.lower() in TAKEN_IN_RECORDS or name.lower().startswith(_OF_PYDANTIC)


def is_reserved(name: str) -> bool:
    """Return whether neither a feature nor the label field can have a name."""
    return name.lower() in RESERVED_NAMES or name.lower().startswith(_OF_PYDANTIC)


def parse_task(content: str) -> Task:
    """Read a task from its file's content.

    Raises
    ------
    InvalidTask
    """
    try:
        values = tomllib.loads(content)
    except (ValueError, RecursionError) as error:  # a number may have too many digits
        raise InvalidTask(f"it is not TOML: {error}") from None
    top = Table(values, "", Task._fields)
    features = top.take("numeric_features", list, "[[numeric_features]] tables, or []")
    task = Task(
        name=top.matching(
            "name", _WORD, "lower-case letters, digits and hyphens, 32 at most, a letter first"
        ),
        title=top.text("title"),
        description=top.text("description"),
        text=_text_resources(top.table("text", TextResources._fields)),
        fields=_fields(top.table("fields", Fields._fields)),
        label=_label(top.table("label", Label._fields)),
        numeric_features=tuple(_feature(value, number) for number, value in enumerate(features, 1)),
        hyperparameters=_hyperparameters(
            top.table("hyperparameters", HyperparameterDefaults._fields)
        ),
        gate=_gate(top.table("gate", GateDefaults._fields)),
        monitoring=_monitoring(top.table("monitoring", MonitoringDefaults._fields)),
        wording=_wording(top.table("wording", Wording._fields)),
    )
    _require_names(task)
    return task


def _text_resources(table: Table) -> TextResources:
    resources = TextResources(
        table.matching("language", _LANGUAGE, "a BCP 47 tag, such as en"), table.texts("lexicons")
    )
    for name in resources.lexicons:
        if name not in LEXICONS:
            raise table.refused(
                "lexicons", f"there is no {name!r}; there are {', '.join(LEXICONS)}, or none: []"
            )
    if resources.lexicons and resources.language.partition("-")[0] != "en":
        raise table.refused(
            "lexicons", f"they are for English, but the language is {resources.language}; write []"
        )
    return resources


def _fields(table: Table) -> Fields:
    return Fields(*(table.name(key) for key in ("id", "text", "source", "created_at")))


def _label(table: Table) -> Label:
    label = Label(
        field=table.name("field"),
        noun=table.text("noun"),
        threshold=table.number("threshold", 0, 1),
        positive=table.texts("positive"),
        negative=table.texts("negative"),
        column=table.text("column") if "column" in table else "label",
    )
    for key, names in (("positive", label.positive), ("negative", label.negative)):
        if not names:
            raise table.refused(key, "it must have at least one name")
        for name in names:
            if name != " ".join(name.lower().split()):
                raise table.refused(key, f"{name!r} must be in lower case, with single blanks")
    positive = {*map(folded, label.positive)}
    if both := [name for name in label.negative if folded(name) in positive]:
        raise table.refused("negative", f"{both[0]!r} is a name of the positive class as well")
    return label


def _feature(value: object, number: int) -> NumericFeature:
    if not isinstance(value, dict):
        raise InvalidTask(f"numeric_features {number} must be a table")
    name = value.get("name")
    place = f"numeric feature {name if isinstance(name, str) else number}:"
    table = Table(value, place, NumericFeature._fields)
    feature = NumericFeature(
        name=table.name("name"),
        description=table.text("description"),
        unit=table.take("unit", str, "a text, or ''").strip(),
        minimum=table.optional_number("minimum"),
        maximum=table.optional_number("maximum"),
    )
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None and not low < high:
        raise table.refused("maximum", f"it is {high:g}; it must be above the minimum, {low:g}")
    return feature


def _hyperparameters(table: Table) -> HyperparameterDefaults:
    return HyperparameterDefaults(
        number_weight=table.number("number_weight", 0),
        minimum_document_frequency=table.whole("minimum_document_frequency", 1),
        inverse_regularisation=table.number("inverse_regularisation", 0),
    )


def _gate(table: Table) -> GateDefaults:
    floor = table.finite("minimum_roc_auc")
    if not 0.5 <= floor < 1:
        raise table.refused(
            "minimum_roc_auc", f"it is {floor:g}; it must be at least 0.5 and below 1"
        )
    margins = [table.number(key, 0, 1) for key in GateDefaults._fields[1:]]
    return GateDefaults(floor, *margins)


def _monitoring(table: Table) -> MonitoringDefaults:
    return MonitoringDefaults(table.number("accepted_f1", 0, 1))


def _wording(table: Table) -> Wording:
    return Wording(
        notice=table.text("notice"),
        purpose=table.text("purpose"),
        limits=table.text("limits"),
        must_not_be_used=table.texts("must_not_be_used"),
        guideline=f"{table.text('guideline')}\n",
    )


def _require_names(task: Task) -> None:
    """Reject names that would collide in a record or in the archive, whose columns ignore case."""
    fields = {
        "id": task.fields.id,
        "text": task.fields.text,
        "source": task.fields.source,
        "created_at": task.fields.created_at,
    }
    taken: dict[str, str] = {}
    for key, name in fields.items():
        if is_of_records(name):
            raise InvalidTask(f"[fields] {key}: {name!r} has another meaning in records")
        if name.lower() in taken:
            raise InvalidTask(f"[fields] {key}: {name!r} is {taken[name.lower()]} already")
        taken[name.lower()] = f"the field {key}"
    if task.label.field.lower() in RESERVED_LABELS:
        raise InvalidTask(f"[label] field: {task.label.field!r} is reserved; choose another name")
    columns = [("[label] field", task.label.field)]
    columns += [("numeric_features", one.name) for one in task.numeric_features]
    for place, name in columns:
        if name.lower() in taken:
            raise InvalidTask(
                f"{place}: {name!r} is {taken[name.lower()]} already; choose another name"
            )
        if is_reserved(name):
            raise InvalidTask(f"{place}: {name!r} is reserved; choose another name")
        taken[name.lower()] = "a numeric feature" if place != "[label] field" else "the label"
    meant = taken | dict.fromkeys(TAKEN_IN_RECORDS - {"label"}, "of labels")
    if meant.get(task.label.column.lower(), "the label") != "the label":
        raise InvalidTask(f"[label] column: {task.label.column!r} has another meaning in files")
    if len(task.numeric_features) > MAXIMUM_FEATURES:
        raise InvalidTask(
            f"numeric_features: there are {len(task.numeric_features)}; at most "
            f"{MAXIMUM_FEATURES} are read"
        )
