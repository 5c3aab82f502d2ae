"""Digests that tell texts apart where no text is kept."""

import hashlib
import hmac

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from stresswatch.contracts.identity import KeyUnavailable, key_reader, text_digest
from stresswatch.text.normalisation import canonical, single_spaced

KEY = b"k" * 64
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


class Secrets:
    """Secrets Manager, which fails a set number of times before it answers."""

    def __init__(self, answer, failures=0):
        self.answer = answer
        self.failures = failures
        self.reads = 0

    def get_secret_value(self, **_):
        self.reads += 1
        if self.reads <= self.failures:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetSecretValue")
        return self.answer


@given(TEXT, TEXT)
def test_digests_are_equal_exactly_for_equivalent_texts(one, other):
    is_same = text_digest(KEY, one) == text_digest(KEY, other)
    assert is_same == (canonical(one) == canonical(other))


def test_digests_ignore_whitespace_case_and_apostrophe_style():
    digests = {
        text_digest(KEY, text)
        for text in ("I can't sleep", "i  can\N{RIGHT SINGLE QUOTATION MARK}t\nsleep ")
    }
    assert len(digests) == 1


def test_a_digest_is_the_first_half_of_an_hmac_in_hexadecimal():
    whole = hmac.new(KEY, canonical("I can't sleep").encode(), hashlib.sha256).hexdigest()
    assert text_digest(KEY, "I can't sleep") == whole[:32]


def test_another_key_gives_another_digest():
    assert text_digest(b"o" * 64, "a text") != text_digest(KEY, "a text")


def test_the_key_is_cached_and_a_failed_read_is_retried():
    secrets = Secrets({"SecretString": KEY.decode()}, failures=1)
    read = key_reader(secrets, "arn:secret")
    with pytest.raises(KeyUnavailable, match=r"arn:secret \(GetSecretValue: ThrottlingException\)"):
        read()
    assert [read(), read()] == [KEY, KEY]
    assert secrets.reads == 2


@pytest.mark.parametrize("answer", [{"SecretString": "short"}, {"SecretBinary": b"k" * 64}])
def test_an_invalid_key_is_rejected_with_the_secrets_name(answer):
    with pytest.raises(KeyUnavailable, match="arn:secret must hold a text of at least 32"):
        key_reader(Secrets(answer), "arn:secret")()


@mock_aws
def test_the_key_comes_from_secrets_manager():
    secrets = boto3.client("secretsmanager")
    arn = secrets.create_secret(Name="identity", SecretString=KEY.decode())["ARN"]
    assert key_reader(secrets, arn)() == KEY


@given(TEXT | st.text(" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0ab", min_size=1))
def test_whitespace_collapses_like_split_and_join(text):
    assert single_spaced(text).decode() == " ".join(text.split())
