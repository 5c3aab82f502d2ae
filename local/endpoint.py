"""Clients of the local endpoint: the operator's, and those of a role of the stack."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.model import OperationModel
from botocore.utils import parse_timestamp

ACCOUNT = "000000000000"
REGION = "us-east-1"

LOOK_HEADER = "x-local-look"
"""Header of the daemon's own polls."""

_LOOKS = ("Describe", "Filter", "Get", "List", "PutMetricData")
"""Prefixes of read-only operations, and the one that puts metrics."""

OPERATOR = Credentials("test", "test")
"""The emulator treats these credentials as the root user, without policies."""
_LONGEST_INVOCATION_SECONDS = 900 * 5
_RENEW_BEFORE = timedelta(minutes=5)
_LONG_AGO = datetime.fromtimestamp(0, UTC)
_clients = threading.Lock()


@dataclass(frozen=True)
class Endpoint:
    """The emulator's address.

    Attributes
    ----------
    url, region : str
    looks_around : bool
        Whether clients mark read-only requests, as the daemon's do.
    """

    url: str
    region: str = REGION
    looks_around: bool = False

    def client(self, service: str) -> Any:
        """Return a client with the operator's credentials."""
        return self._client(service, OPERATOR)

    def _client(self, service: str, credentials: Credentials) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=_LONGEST_INVOCATION_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1 if service == "lambda" else 3},
            max_pool_connections=20,
        )
        with _clients:  # sessions are not thread-safe
            make: Any = _session().client
            client = make(
                service,
                endpoint_url=self.url,
                region_name=self.region,
                aws_access_key_id=credentials.access_key,
                aws_secret_access_key=credentials.secret_key,
                aws_session_token=credentials.token,
                config=config,
            )
        if self.looks_around:
            client.meta.events.register("before-call", _mark_look)
        return client


@cache
def _session() -> boto3.Session:
    """Return a session whose clients parse timestamps without format detection."""
    session = botocore.session.get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
    return boto3.Session(botocore_session=session)


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return parse_timestamp(value)


def _mark_look(model: OperationModel, params: dict[str, Any], **_: Any) -> None:
    if model.name.startswith(_LOOKS):
        params["headers"][LOOK_HEADER] = "true"


@dataclass
class Role:
    """A role of the stack for an AWS service; its policies apply to its clients."""

    endpoint: Endpoint
    arn: str
    _credentials: Credentials | None = None
    _expires: datetime = _LONG_AGO
    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a client with the role's credentials, which are renewed automatically."""
        if datetime.now(UTC) > self._expires - _RENEW_BEFORE:
            answer = self.endpoint.client("sts").assume_role(
                RoleArn=self.arn, RoleSessionName="local"
            )["Credentials"]
            self._credentials = Credentials(
                answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
            )
            self._expires = answer["Expiration"]
            self._made = {}
        if service not in self._made:
            assert self._credentials  # noqa: S101 - set above, as it had expired
            self._made[service] = self.endpoint._client(service, self._credentials)
        return self._made[service]
