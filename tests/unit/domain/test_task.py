"""A task's definition: its content, and the errors for invalid files."""

import re
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.contracts.posts import NUMERIC_FEATURES
from stresswatch.contracts.predictions import ARCHIVE_COLUMNS, MONITORED_FEATURES
from stresswatch.serving import batch_scoring
from stresswatch.settled import summaries
from stresswatch.task.definition import SHIPPED_FILE, TASK, read_task
from stresswatch.task.reading import (
    MAXIMUM_FEATURES,
    RESERVED_LABELS,
    RESERVED_NAMES,
    parse_task,
)
from stresswatch.task.table import InvalidTask
from tests.tested_tasks import SHIPS_STRESS, STRESS

SHIPPED = STRESS.read_text()


def changed(old, new):
    """Return the shipped definition with a part in another form."""
    assert old in SHIPPED
    return SHIPPED.replace(old, new, 1)


def features(*names):
    """Return the shipped definition with other features."""
    start, end = SHIPPED.index("[[numeric_features]]"), SHIPPED.index("# Defaults of")
    tables = (
        f'[[numeric_features]]\nname = "{name}"\ndescription = "a number"\nunit = ""\n'
        for name in names
    )
    return SHIPPED[:start] + "\n".join(tables) + SHIPPED[end:]


@pytest.mark.skipif(not SHIPS_STRESS, reason="the repository has a task of its own")
def test_the_suites_task_is_a_copy_of_the_shipped_one():
    assert STRESS.read_text() == SHIPPED_FILE.read_text()


def test_the_suites_task_is_the_stress_task():
    assert (TASK.name, TASK.label.field, TASK.label.noun) == ("stress", "stressed", "stress")
    assert (TASK.label.name(1), TASK.label.name(0)) == ("stressed", "not stressed")
    assert TASK.numeric_features[0].range == "0 to 100 score"


def test_every_taken_name_is_reserved():
    columns = {*ARCHIVE_COLUMNS, *MONITORED_FEATURES} - {*NUMERIC_FEATURES, TASK.label.field}
    assert {name.lower() for name in columns} <= RESERVED_NAMES
    counts = {one.name for kind in (summaries.Counts, batch_scoring.Counts) for one in fields(kind)}
    assert counts <= RESERVED_LABELS | RESERVED_NAMES


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name = ", "it is not TOML: "),
        (changed('name = "stress"\n', ""), "name is missing; it must be a text"),
        (changed('"stress"', '"My Task"'), "name: it is 'My Task'; it must be lower-case letters"),
        (changed('"stress"', "3"), "name must be a text, not 3"),
        (
            changed("[gate]", "[gates]"),
            "gates is not known; perhaps gate is meant; remove it, or correct its name",
        ),
        (SHIPPED[: SHIPPED.index("[wording]")], "the table [wording] is missing"),
        (
            changed("threshold = 0.5", "threshold = 0.5\ntreshold = 0.4"),
            "treshold in [label] is not known; remove it, or correct its name",
        ),
        (
            changed("accepted_f1", "accepted_f2"),
            "accepted_f2 in [monitoring] is not known; perhaps accepted_f1 is meant",
        ),
        (
            changed('unit = "score"', 'units = "score"'),
            "units in numeric feature lex_liwc_Tone is not known; perhaps unit is meant",
        ),
        (changed("title", 'colour = "red"\ntitle'), "colour is not known"),
        (
            changed("threshold = 0.5", "threshold = 50"),
            "[label] threshold: it is 50; it must be above 0 and below 1",
        ),
        (changed("threshold = 0.5", "threshold = true"), "must be a number, not True"),
        (changed('["stressed", "stress"]', "[]"), "[label] positive: it must have at least one"),
        (changed('"not stressed"', '"Calm"'), "[label] negative: 'Calm' must be in lower case"),
        (
            changed('"not stressed"', '"stress"'),
            "[label] negative: 'stress' is a name of the positive class as well",
        ),
        (
            changed('"stress"]', '"no-stress"]'),
            "[label] negative: 'no stress' is a name of the positive class as well",
        ),
        (changed('language = "en"', 'language = "English"'), "[text] language: it is 'English'"),
        (
            changed('language = "en"', 'language = "de"'),
            "[text] lexicons: they are for English, but the language is de; write []",
        ),
        (changed('"vader"', '"liwc"'), "[text] lexicons: there is no 'liwc'; there are function_"),
        (
            changed('source = "source"', 'source = "label"'),
            "[fields] source: 'label' has another meaning in records",
        ),
        (
            changed('text = "text"', 'text = "Post_ID"'),
            "[fields] text: 'Post_ID' is the field id already",
        ),
        (
            changed('field = "stressed"', 'field = "probability"'),
            "[label] field: 'probability' is reserved; choose another name",
        ),
        *(
            (
                changed("threshold = 0.5", f'threshold = 0.5\ncolumn = "{column}"'),
                f"[label] column: '{column}' has another meaning in files",
            )
            for column in ("Text", "sentiment", "confidence")
        ),
        (
            features("stars", "Stars"),
            "numeric_features: 'Stars' is a numeric feature already; choose another name",
        ),
        (features("Stressed"), "numeric_features: 'Stressed' is the label already"),
        (
            changed('text = "text"', 'text = "body"').replace('"sentiment"', '"Text"'),
            "numeric_features: 'Text' is reserved; choose another name",
        ),
        (changed('"stressed"', '"Invalid"'), "[label] field: 'Invalid' is reserved"),
        (changed('"stressed"', '"model_dump"'), "[label] field: 'model_dump' is reserved"),
        (features("model_copy"), "numeric_features: 'model_copy' is reserved"),
        (features("date"), "numeric_features: 'date' is reserved; choose another name"),
        (features("text"), "numeric_features: 'text' is the field text already"),
        (features("days owned"), "numeric feature days owned: name: it is 'days owned'; it must"),
        (
            features(*(f"n{place}" for place in range(MAXIMUM_FEATURES + 1))),
            "numeric_features: there are 101; at most 100 are read",
        ),
        (
            changed("minimum = 0\n", "minimum = 100\n"),
            "numeric feature lex_liwc_Tone: maximum: it is 100; it must be above the minimum, 100",
        ),
        *(
            (
                changed(f"{key} = {value}", f"{key} = 1{'0' * 400}"),
                f"{key}: it is inf; it must be fin",
            )
            for key, value in (
                ("base_f1_margin", "0.05"),
                ("number_weight", "0.03"),
                ("minimum_roc_auc", "0.7"),
                ("maximum", "100"),
            )
        ),
        (changed("maximum = 100", f"maximum = 1{'0' * 5000}"), "it is not TOML: "),
        (f"a = {'[' * 5000}", "it is not TOML: "),
        (changed("maximum = 100", "maximum = inf"), "maximum: it is inf; it must be finite"),
        (
            changed("number_weight = 0.03", "number_weight = 0"),
            "[hyperparameters] number_weight: it is 0; it must be above 0",
        ),
        (
            changed("minimum_document_frequency = 2", "minimum_document_frequency = 0"),
            "[hyperparameters] minimum_document_frequency: it is 0; it must be at least 1",
        ),
        (
            changed("minimum_roc_auc = 0.7", "minimum_roc_auc = 0.4"),
            "[gate] minimum_roc_auc: it is 0.4; it must be at least 0.5 and below 1",
        ),
        (
            changed("base_f1_margin = 0.05", "base_f1_margin = 5"),
            "[gate] base_f1_margin: it is 5; it must be above 0 and below 1",
        ),
        (changed("new_brier_margin = 0.015\n", ""), "[gate] new_brier_margin is missing"),
        (
            changed("accepted_f1 = 0.7", "accepted_f1 = 70"),
            "[monitoring] accepted_f1: it is 70; it must be above 0 and below 1",
        ),
        (
            changed("A probability of stress is not a diagnosis.", " "),
            "[wording] notice: it must not be blank",
        ),
    ],
)
def test_an_invalid_definition_is_rejected_with_the_reason(content, said):
    with pytest.raises(InvalidTask) as refused:
        parse_task(content)
    assert said in str(refused.value)


def test_the_error_names_the_file(tmp_path):
    with pytest.raises(InvalidTask, match=re.escape(f"{tmp_path}/no.toml: No such file")):
        read_task(tmp_path / "no.toml")
    (tmp_path / "task.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(InvalidTask, match=r"task\.toml: it is not UTF-8"):
        read_task(tmp_path / "task.toml")
    (tmp_path / "task.toml").write_text("name = 3")
    with pytest.raises(InvalidTask, match=r"task\.toml: "):
        read_task(tmp_path / "task.toml")


def test_a_task_can_omit_numeric_features_and_lexicons():
    content = features().replace("[text]", "numeric_features = []\n\n[text]", 1)
    task = parse_task(re.sub(r"lexicons = .*", "lexicons = []", content))
    assert (task.numeric_features, task.text.lexicons) == ((), ())


def test_changes_to_a_models_meaning_change_the_digest():
    for content in (
        features("sentiment"),
        changed('unit = "score"', 'unit = "points"'),
        changed('field = "stressed"', 'field = "strained"'),
        changed('["stressed", ', '["strained", '),
        changed('text = "text"', 'text = "body"'),
    ):
        assert parse_task(content).digest != TASK.digest, content


def test_wording_ranges_and_defaults_do_not_change_the_digest():
    for content in (
        changed("is not a diagnosis", "never is a diagnosis"),
        changed("maximum = 100", "maximum = 99"),
        changed("number_weight = 0.03", "number_weight = 1"),
        changed("threshold = 0.5", "threshold = 0.4"),
        changed("threshold = 0.5", 'threshold = 0.5\ncolumn = "verdict"'),
    ):
        assert parse_task(content).digest == TASK.digest
    one, *others = re.findall(r"\[\[numeric_features\]\]\n(?:.+\n)+", SHIPPED)
    assert parse_task(SHIPPED.replace(one, "") + "\n" + one).digest == TASK.digest
    assert len(others) == 4


@given(st.text(max_size=200))
def test_arbitrary_text_is_parsed_or_rejected_with_a_message(text):
    try:
        parse_task(SHIPPED + text)
    except InvalidTask as error:
        assert str(error)
