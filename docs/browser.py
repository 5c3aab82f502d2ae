"""A browser for tests and pictures of pages: Debian's Chromium, headless."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from cli.local_page import HOST, listen

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECONDS = 60
"""Time limit for drawing a page."""
_WIDEST_PHONE = 500
_FLAGS = (
    "--headless",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def programs() -> tuple[str, str] | None:
    """Return the paths of Chromium and its driver; None if either is missing."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    return (found[0], found[1]) if found[0] and found[1] else None


@contextmanager
def browser() -> Iterator[Chrome]:
    """Open a browser with a new profile, and close it.

    Raises
    ------
    FileNotFoundError
        Where there is no Chromium.
    """
    if not (found := programs()):
        raise FileNotFoundError("There is no Chromium: apt-get install chromium chromium-driver")
    chromium, driver = found
    with tempfile.TemporaryDirectory() as profile:
        options = ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={profile}", "--window-size=1400,1000"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        opened = Chrome(options=options, service=ChromeService(driver))
        try:
            yield opened
        finally:
            opened.quit()


@contextmanager
def screen(opened: Chrome, width: int) -> Iterator[None]:
    """Show pages on a screen of a width; a window is never as narrow as a phone."""
    metrics = {
        "width": width,
        "height": 1000,
        "deviceScaleFactor": 1,
        "mobile": width < _WIDEST_PHONE,
    }
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        yield
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@contextmanager
def serving(application: WSGIApplication) -> Iterator[str]:
    """Serve an application on a free port of this machine; yield its address."""
    server = listen(application, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
