"""A post's identity where its text is not stored: its id and a keyed digest of its text.

The digest is HMAC-SHA256 (RFC 2104) of the post's canonical text, cut to half. With the key you can
check whether a text is the digested one. Without the key the digest reveals nothing, because
guesses cannot be checked. The key is a secret of the stage.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from stresswatch.aws.redaction import cause
from stresswatch.errors import Unavailable
from stresswatch.text.normalisation import normalise, single_spaced

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

DIGEST_BYTES = 16
"""Bytes, of SHA-256's 32: among 10¹² texts, the collision probability is below 2 in 10¹⁵."""
KEY_LENGTH = 64
"""Length of the key that a deployment generates, in letters and digits."""
MINIMUM_KEY_LENGTH = 32

Identity = tuple[str, str]
"""A post's id and the digest of its text."""
ReadKey = Callable[[], bytes]


class KeyUnavailable(Unavailable):
    """The key of the digests cannot be read, or is invalid."""


def text_digest(key: bytes, text: str) -> str:
    """Return a text's digest, 32 hexadecimal digits: equal for texts that compare equal."""
    (digest,) = digests_of_normalised(key, [normalise(text)])
    return digest


def digests_of_normalised(key: bytes, texts: Iterable[str]) -> list[str]:
    """Return the digests of normalised texts."""
    keyed = hmac.new(key, digestmod="sha256")
    return [_digest(keyed.copy(), text) for text in texts]


def key_reader(secrets: SecretsManagerClient, secret: str) -> ReadKey:
    """Return a function that reads the key on its first call, and caches it.

    Failures are not cached: the next call reads again.
    """
    return cache(lambda: read_key(secrets, secret))


@cache
def identity_key(secret: str) -> ReadKey:
    """Return this process's key reader, so that all invocations share its cache."""
    return key_reader(boto3.client("secretsmanager"), secret)


def read_key(secrets: SecretsManagerClient, secret: str) -> bytes:
    """Read the key of the digests from the secret with this ARN.

    Raises
    ------
    KeyUnavailable
        When it cannot be read, or has fewer than `MINIMUM_KEY_LENGTH` characters.
    """
    try:
        answer = secrets.get_secret_value(SecretId=secret)
    except (BotoCoreError, ClientError) as error:
        raise KeyUnavailable(
            f"the key of the text digests cannot be read from {secret} ({cause(error)})"
        ) from error
    value = answer.get("SecretString", "")
    if len(value) < MINIMUM_KEY_LENGTH:
        raise KeyUnavailable(
            f"the secret {secret} must hold a text of at least {MINIMUM_KEY_LENGTH} characters: "
            "the key of the text digests"
        )
    return value.encode("utf-8")


def _digest(keyed: hmac.HMAC, normalised: str) -> str:
    keyed.update(single_spaced(normalised))
    return keyed.hexdigest()[: 2 * DIGEST_BYTES]
