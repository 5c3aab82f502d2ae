"""Write a task definition as TOML."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from cli.errors import OperatorError
from cli.task.classes import class_names, describes, field_name
from cli.task.guessing import Guess
from cli.task.sample import Column
from stresswatch.task.definition import TASK
from stresswatch.task.reading import LEXICONS, parse_task
from stresswatch.task.table import InvalidTask

_TEMPLATE = '''\
# Written by `stresswatch task init`. Review each line: docs/another-data-set.md explains them.

name = {name}
title = {title}
description = {description}

[text]
language = {language}
lexicons = {lexicons}

[fields]
id = {id}
text = {text}
source = {source}
created_at = {created_at}

[label]
field = {field}
noun = {noun}
threshold = 0.5
positive = {positive}
negative = {negative}
column = {column}
{features}
[hyperparameters]
number_weight = 1.0
minimum_document_frequency = 2
inverse_regularisation = 5.0

# Requirements for a promotion. Measure them on your posts with `python -m benchmarks.gate`.
[gate]
minimum_roc_auc = 0.7
base_f1_margin = 0.05
base_brier_margin = 0.005
new_brier_margin = 0.015
community_f1_margin = 0.1
calibration_margin = 0.03
probation_brier_margin = 0.005

# The live F1 below which an alarm fires.
[monitoring]
accepted_f1 = 0.7

[wording]
notice = {notice}
purpose = {purpose}
limits = {limits}
must_not_be_used = []
guideline = """
# Labelling guideline

{guideline} {called}, with examples.
"""
'''

_REQUESTS = {
    "purpose": "Say who the model is for, and its purpose.",
    "limits": "Say what a label means, and what the model cannot know.",
    "guideline": "Say when a post is",
}
"""The template's text for each part of the wording that it only asks for."""


def unwritten() -> list[str]:
    """Return the parts of the process's task that still have the template's text."""
    return [part for part, asked in _REQUESTS.items() if asked in getattr(TASK.wording, part)]


def definition(guessed: Guess, name: str, noun: str | None, language: str) -> str:
    """Return the text of a task definition.

    Raises
    ------
    OperatorError
        When the columns and flags do not make a valid task.
    """
    topic = noun or name.replace("-", " ")
    positive, negative = class_names(guessed.positive, guessed.negative, topic)
    called = positive[0]
    if noun is None and describes(guessed.positive):
        topic = called
        description = f"Predicts whether a post is {called}."
    else:
        description = f"Predicts {topic} from the text of a post."
    title = f"{noun} in posts" if noun else f"{name.replace('-', ' ')} of posts"
    fields = {part: column for part, column in guessed.fields.items() if part != "label"}
    taken = {one.lower() for one in (*fields.values(), *(one.name for one in guessed.features))}
    values = {
        "name": name,
        "title": f"{title[:1].upper()}{title[1:]}",
        "description": description,
        "language": language,
        **fields,
        "field": field_name((called, topic, name), taken),
        "noun": topic,
        "column": guessed.fields["label"],
        "notice": f"A probability of {topic} is an estimate.",
    }
    is_english = language.partition("-")[0] == "en"
    content = _TEMPLATE.format(
        **{key: _text(value) for key, value in values.items()},
        lexicons=json.dumps(list(LEXICONS if is_english else ())),
        features="".join(map(_feature, guessed.features)),
        positive=_texts(positive),
        negative=_texts(negative),
        called=_text(called)[1:-1],
        purpose=_text(_REQUESTS["purpose"]),
        limits=_text(_REQUESTS["limits"]),
        guideline=_REQUESTS["guideline"],
    )
    if not guessed.features:
        content = content.replace("\n[text]", "numeric_features = []\n\n[text]", 1)
    try:
        parse_task(content)
    except InvalidTask as error:
        raise OperatorError(
            f"This is not a valid task: {error}. Set a flag to change it."
        ) from None
    return content


def _feature(column: Column) -> str:
    low, high = min(column.numbers), max(column.numbers)
    return (
        f"\n[[numeric_features]]\nname = {_text(column.name)}\n"
        f"description = {_text(column.name.replace('_', ' ').strip().capitalize())}\n"
        f'unit = ""\nminimum = {_bound(low, math.floor)}\nmaximum = {_bound(high, math.ceil)}\n'
    )


def _bound(value: float, rounded: object) -> str:
    """Write a bound of a range, rounded outward to an integer if the change is small."""
    whole = rounded(value) if callable(rounded) else value
    return str(whole) if abs(value) >= 1 or value == whole else repr(value)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    """Write a TOML string: a JSON string except for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
