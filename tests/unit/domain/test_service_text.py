"""Composed text is valid for each service, for any parts."""

import re

from hypothesis import given
from hypothesis import strategies as st

from stresswatch.aws import service_text
from verification.aws.service_models import faults, service


@given(st.text(max_size=400))
def test_any_text_becomes_a_valid_metadata_value(text):
    value = service_text.metadata_value(text)
    register = service("sagemaker").operation_model("CreateModelPackage")
    assert faults(register, {"CustomerMetadataProperties": {"verdict": value}}) == []


def test_commas_in_a_metadata_value_become_dashes():
    said = service_text.metadata_value("rejected: F1, base holdout / scoring time, µs per post")
    assert said == "rejected: F1 - base holdout / scoring time - µs per post"


def test_an_empty_metadata_value_becomes_none():
    assert service_text.metadata_value(" ") == "none"


@given(st.text(max_size=1500))
def test_any_text_becomes_a_valid_approval_description(text):
    update = service("sagemaker").operation_model("UpdateModelPackage")
    assert faults(update, {"ApprovalDescription": service_text.description(text)}) == []


def test_a_multiline_reason_becomes_one_line():
    assert service_text.description("complaints\nsince Monday\r\n") == "complaints since Monday"


@given(st.text(max_size=300))
def test_any_text_becomes_a_valid_subject(text):
    subject = service_text.subject(text)
    assert re.fullmatch(r"[!-~][ -~]{0,98}", subject)


def test_a_subject_drops_non_ascii_characters():
    assert service_text.subject("Stresswatch größe: drifted") == "Stresswatch groe: drifted"


def test_a_message_within_the_limit_is_unchanged():
    assert service_text.message("Drift\n\n- ä") == "Drift\n\n- ä"


@given(st.integers(131_000, 140_000))
def test_an_oversized_message_is_truncated_with_a_note(characters):
    message = service_text.message("ä" * characters)
    assert len(message.encode()) <= 262_144
    assert (characters > 131_072) == message.endswith("(cut: the message was too long)")
