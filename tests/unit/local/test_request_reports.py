"""The emulator reports each request that it has answered, except the daemon's polling."""

import asyncio
import contextlib
import os
from collections.abc import Iterator

import pytest
from ministack import app as emulator

from local.emulator.request_reports import report_requests
from local.endpoint import LOOK_HEADER

LOOK = (LOOK_HEADER.encode(), b"true")
ANOTHER = (b"x-amz-target", b"Kinesis_20131202.GetRecords")


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pipe for the reports of an emulator that answers nothing, and its content."""

    async def answer(*_) -> None:
        pass

    monkeypatch.setattr(emulator, "app", answer)
    told, tells = os.pipe()
    os.set_blocking(told, False)
    report_requests(tells)
    yield told, tells
    os.close(told)
    os.close(tells)


def request(*headers: tuple[bytes, bytes], kind: str = "http") -> None:
    asyncio.run(emulator.app({"type": kind, "headers": headers}, None, None))


def told(pipe: tuple[int, int]) -> bytes:
    try:
        return os.read(pipe[0], 100_000)
    except BlockingIOError:
        return b""


def test_a_request_is_reported_once(pipe) -> None:
    request(ANOTHER)
    assert told(pipe) == b"."


def test_polling_by_the_daemon_is_not_reported(pipe) -> None:
    request(ANOTHER, LOOK)
    assert told(pipe) == b""


def test_the_emulators_start_and_end_are_not_reported(pipe) -> None:
    request(kind="lifespan")
    assert told(pipe) == b""


def test_a_request_is_reported_after_it_was_answered(pipe, monkeypatch) -> None:
    during = []

    async def answer(*_) -> None:
        during.append(told(pipe))

    monkeypatch.setattr(emulator, "app", answer)
    report_requests(pipe[1])
    request()
    assert (during, told(pipe)) == ([b""], b".")


def test_a_failed_request_is_reported(pipe, monkeypatch) -> None:
    async def breaks(*_) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(emulator, "app", breaks)
    report_requests(pipe[1])
    with pytest.raises(ZeroDivisionError):
        request()
    assert told(pipe) == b"."


def test_a_full_pipe_does_not_block_requests(pipe) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.write(pipe[1], b"." * 4096):
            pass
    request()
    assert len(told(pipe)) >= 4096


def test_the_emulators_functions_do_not_inherit_the_pipe(pipe) -> None:
    os.set_inheritable(pipe[1], True)
    report_requests(pipe[1])
    assert not os.get_inheritable(pipe[1])
