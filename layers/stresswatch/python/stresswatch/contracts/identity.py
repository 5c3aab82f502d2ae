"""What a post is known by where its text is not kept: its id and a keyed digest of its text.

The digest is HMAC-SHA256 (RFC 2104) of the text as posts are compared, cut to half. With the key it
tells whether a text that is at hand is the one that was read; without the key it tells nothing of
the text, as no guess can be checked. The key is a secret of the stage.
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
"""Of a SHA-256's 32: at 10¹² texts, the chance that any two share a digest is below 2 in 10¹⁵."""
KEY_LENGTH = 64
"""Characters of the key that a deployment generates: letters and digits."""
MINIMUM_KEY_LENGTH = 32

Identity = tuple[str, str]
"""A post's id and the digest of its text."""
ReadKey = Callable[[], bytes]


class KeyUnavailable(Unavailable):
    """The key of the digests cannot be read, or is none."""


def text_digest(key: bytes, text: str) -> str:
    """Return the digest of a text, 32 hexadecimal digits: the same for texts that compare equal."""
    (digest,) = digests_of_normalised(key, [normalise(text)])
    return digest


def digests_of_normalised(key: bytes, texts: Iterable[str]) -> list[str]:
    """Return the digests of texts that are normalised already."""
    keyed = hmac.new(key, digestmod="sha256")
    return [_digest(keyed.copy(), text) for text in texts]


def key_reader(secrets: SecretsManagerClient, secret: str) -> ReadKey:
    """Return a function that reads the key when it is first called, and remembers it.

    What failed is not remembered: the next call reads again.
    """
    return cache(lambda: read_key(secrets, secret))


@cache
def identity_key(secret: str) -> ReadKey:
    """Return this process's reader of the key, so that all invocations share what it remembers."""
    return key_reader(boto3.client("secretsmanager"), secret)


def read_key(secrets: SecretsManagerClient, secret: str) -> bytes:
    """Read the key of the digests from its secret, given by its ARN.

    Raises
    ------
    KeyUnavailable
        When it cannot be read, or holds fewer than `MINIMUM_KEY_LENGTH` characters.
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
