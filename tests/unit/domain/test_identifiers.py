"""Identifiers made from external text: legal, readable, and distinct for distinct texts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stresswatch.aws.identifiers import METRIC_DIMENSION, METRIC_NAME, OBJECT_NAME, Form, printable

FORMS = {"dimension": METRIC_DIMENSION, "metric name": METRIC_NAME, "object name": OBJECT_NAME}
SHORT = Form("%", 24, "-_ ")
"""So short that about every second text is longer."""
each_form = pytest.mark.parametrize("form", [*FORMS.values(), SHORT], ids=[*FORMS, "short"])
ANY_TEXT = st.text(st.characters(exclude_categories=()))  # half surrogate pairs as well
TELLING = st.text("aA%.!-_ /:&é日0C2\0\n", max_size=20)
"""Characters that an encoding could mix up."""


LONGEST_WHOLE = METRIC_NAME.longest // len("%F0%9F%98%80")
"""Characters of a text that no form shortens, for any characters."""


@each_form
@given(st.data())
def test_distinct_texts_have_distinct_identifiers(form, data):
    texts = data.draw(st.lists(ANY_TEXT | TELLING, unique=True, max_size=20))
    texts = list(dict.fromkeys([*texts, *map(form.encode, texts), *map(str.strip, texts)]))
    assert len({form.encode(text) for text in texts}) == len(texts)


@each_form
@given(ANY_TEXT | TELLING)
def test_an_identifier_is_printable_ascii_within_its_length_limit(form, text):
    identifier = form.encode(text)
    assert identifier.isascii()
    assert identifier.isprintable()
    assert identifier.strip() == identifier != ""
    assert len(identifier) <= form.longest
    assert identifier[0] not in ":/"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(st.text(st.characters(exclude_categories=()), max_size=LONGEST_WHOLE) | TELLING)
def test_an_identifier_decodes_to_its_text(form, text):
    assert form.decode(form.encode(text)) == text


@each_form
@given(st.sampled_from("aé日 😀"), st.integers(1, 3000))
def test_a_text_of_any_length_fits(form, sign, length):
    identifier = form.encode(sign * length)
    assert len(identifier) <= form.longest
    assert form.encode(sign * (length + 1)) != identifier
    form.decode(identifier)


def test_a_shortened_identifier_keeps_the_start_of_its_text():
    identifier = METRIC_DIMENSION.encode("é" * 2000)
    assert len(identifier) <= 1024
    assert re.fullmatch("é{100,}… \\([0-9a-f]{16}\\)", METRIC_DIMENSION.decode(identifier))


@given(ANY_TEXT)
def test_decoding_accepts_any_text(text):
    for form in FORMS.values():
        form.decode(text)
    assert METRIC_DIMENSION.decode("100%") == "100%"
    assert METRIC_DIMENSION.decode("%FF") == "%FF"


@given(ANY_TEXT | TELLING)
def test_an_mlflow_name_is_a_single_path_segment(text):
    identifier = METRIC_NAME.encode(text)
    assert re.fullmatch(r"[A-Za-z0-9_\-. ]+", identifier)
    assert identifier not in (".", "..")


@pytest.mark.parametrize(
    ("text", "dimension", "metric", "key"),
    [
        ("ptsd", "ptsd", "ptsd", "ptsd"),
        ("r/ptsd", "r/ptsd", "r.2Fptsd", "r!2Fptsd"),
        ("Épicerie", "%C3%89picerie", ".C3.89picerie", "!C3!89picerie"),
        ("anxiety & stress", "anxiety %26 stress", "anxiety .26 stress", "anxiety !26 stress"),
        (" ", "%20", ".20", "!20"),
        ("", "%-", ".-", "!-"),
        (":colon", "%3Acolon", ".3Acolon", "!3Acolon"),
        ("100%", "100%25", "100.25", "100!25"),
        ("posts.jsonl", "posts.jsonl", "posts.2Ejsonl", "posts.jsonl"),
        ("..", "%2E%2E", ".2E.2E", "!2E!2E"),
    ],
)
def test_an_identifier_stays_readable(text, dimension, metric, key):
    assert [form.encode(text) for form in FORMS.values()] == [dimension, metric, key]


@given(ANY_TEXT)
def test_printable_text_is_one_line_of_visible_characters(text):
    shown = printable(text)
    assert shown.isprintable()
    assert shown.strip() or not text


def test_only_unprintable_characters_are_escaped():
    assert printable("Épicerie 日本 😀 & more") == "Épicerie 日本 😀 & more"
    assert printable("a\n- passed: all\u202e") == "a%0A- passed: all%E2%80%AE"
    assert printable("  ") == "%20%20"
