"""A browser for the dashboard's test and screenshot: Debian's Chromium, headless.

``python -m docs.screenshot FILE.png [WIDTH]`` takes a screenshot of the local stack's dashboard.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from cli.dashboard.rates import RecentRates, read_recent_rates
from cli.dashboard.server import app
from cli.deployment.client import DeploymentClient
from cli.deployment.target import local_target
from cli.errors import OperatorError
from cli.local_page import HOST, listen
from cli.status.snapshot import Snapshot, take_snapshot

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECONDS = 60
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
def browser(width: int = 1400, height: int = 1000) -> Iterator[Chrome]:
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
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        opened = Chrome(options=options, service=ChromeService(driver))
        try:
            yield opened
        finally:
            opened.quit()


def wait_for_page(opened: Chrome) -> None:
    """Wait until the page shows the snapshot, with every graph drawn."""

    def is_drawn(driver: Chrome) -> bool:
        panels = driver.find_elements(By.CSS_SELECTOR, "#snapshot figure")
        without = driver.find_elements(By.CSS_SELECTOR, "#snapshot figure .none")
        drawn = driver.find_elements(
            By.CSS_SELECTOR, "#snapshot .dash-graph .main-svg .xaxislayer-above"
        )
        has_rates = bool(driver.find_elements(By.CSS_SELECTOR, "#rates h2"))
        is_loaded = "return [...document.images].every(image => image.complete)"
        return (
            bool(driver.find_elements(By.ID, "runs"))
            and len(drawn) + len(without) >= len(panels)
            and has_rates
            and bool(driver.execute_script(is_loaded))
        )

    WebDriverWait(opened, SECONDS).until(is_drawn)


@contextmanager
def served(source: DeploymentClient | Snapshot, rates: RecentRates | None = None) -> Iterator[str]:
    """Serve the page of a deployment or a snapshot; yield its address."""

    def show(span: timedelta) -> Snapshot:
        return source if isinstance(source, Snapshot) else take_snapshot(source, "dev", span)

    def rates_of() -> RecentRates:
        if isinstance(source, Snapshot) or rates:
            return rates or RecentRates()
        return read_recent_rates(source.target)

    with serving(app(show, rates_of, timedelta(hours=1)).server) as address:
        yield address


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


def take_picture(address: str, file: Path, width: int, *, rate: bool = False) -> None:
    """Take a screenshot of the whole page, or of its top with the stress rate."""
    with browser(width) as opened:
        opened.get(address)
        wait_for_page(opened)
        height = opened.execute_script("return document.documentElement.scrollHeight")
        opened.set_window_size(width, height + 150)
        wait_for_page(opened)
        # A page has few colours: a palette reduces the file to a third.
        picture = Image.open(BytesIO(opened.get_screenshot_as_png())).convert("RGB")
        if rate:
            section = opened.find_element(By.ID, "rates").rect
            picture = picture.crop((0, 0, width, round(section["y"] + section["height"])))
        palette = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        palette.save(file, optimize=True)


def main() -> None:
    """Take a screenshot."""
    parser = argparse.ArgumentParser(
        description="Take a screenshot of the local stack's dashboard."
    )
    parser.add_argument("file", type=Path, help="the PNG file to write")
    parser.add_argument(
        "width", type=int, nargs="?", default=960, help="width in pixels; by default, 960"
    )
    arguments = parser.parse_args()
    try:
        stack = local_target()
    except OperatorError as error:
        parser.error(str(error))
    with served(DeploymentClient(stack)) as page:
        take_picture(page, arguments.file, arguments.width)


if __name__ == "__main__":
    main()
