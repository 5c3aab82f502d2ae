"""Take the documentation's picture of a page: ``python -m docs.screenshot PAGE FILE.png``.

The dashboard, the web service's page and the champion's model card are those of the local stack.
The training runs are those that `make mlflow` serves.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import element_to_be_clickable
from selenium.webdriver.support.ui import WebDriverWait
from werkzeug.wrappers import Response

from cli import mlflow_page
from cli.dashboard.rates import RecentRates, read_recent_rates
from cli.dashboard.server import app
from cli.deployment.client import DeploymentClient
from cli.deployment.target import Target, local_target
from cli.errors import OperatorError
from cli.signing_proxy import PAGE as API_PAGE
from cli.signing_proxy import by_signature, signing_proxy
from cli.status.snapshot import Snapshot, take_snapshot
from docs.browser import SECONDS, browser, screen, serving
from stresswatch.aws import stack_outputs

_GAP = 12
"""Around what a picture shows, in pixels."""


_METRICS = ["f1", "roc_auc"]
_SHOW_METRICS = """
const key = Object.keys(localStorage).find(name => name.includes("ExperimentPage"));
const columns = arguments[0].map(name => `metrics.\\`${name}\\``);
localStorage[key] = JSON.stringify({...JSON.parse(localStorage[key]), selectedColumns: columns});
localStorage["mlflow.assistant.panelOpen_v1"] = false;
"""
"""Choose columns as the menu "Columns" stores them, and close the panel of the assistant."""


@dataclass(frozen=True)
class Page:
    """A page, and what its picture shows.

    Attributes
    ----------
    serve : callable
        Serves the page, and yields its address.
    draw : callable
        Waits until the page is drawn, and opens what the picture shows.
    width : int
        Of the screen, in pixels.
    columns : sequence of two str
        First and last element of each part, as CSS selectors; parts stand side by side.
    """

    serve: Callable[[], AbstractContextManager[str]]
    draw: Callable[[Chrome], None]
    width: int
    columns: Sequence[tuple[str, str]]


def take_picture(page: Page, file: Path) -> None:
    """Write the picture of a page as a PNG file."""
    with page.serve() as address, browser() as opened, screen(opened, page.width):
        opened.get(address)
        page.draw(opened)
        parts = [_part(opened, page.width, *column) for column in page.columns]
    picture = Image.new(
        "RGB",
        (sum(part.width for part in parts), max(part.height for part in parts)),
        parts[0].getpixel((0, 0)),
    )
    left = 0
    for part in parts:
        picture.paste(part, (left, 0))
        left += part.width
    reduced(picture).save(file, optimize=True)


def reduced(picture: Image.Image) -> Image.Image:
    """Reduce a page's colours to a palette, for a third of the file's size.

    A palette that is chosen by pixel counts would give two thin lines the same colour.
    """
    return picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)


def _part(opened: Chrome, width: int, first: str, last: str) -> Image.Image:
    """Take a picture of a page from the top of one element to the bottom of another."""
    begin, end = (opened.find_element(By.CSS_SELECTOR, selector).rect for selector in (first, last))
    top = max(0, begin["y"] - _GAP)
    clip = {
        "x": 0,
        "y": top,
        "width": width,
        "height": end["y"] + end["height"] + _GAP - top,
        "scale": 1,
    }
    taken = opened.execute_cdp_cmd(
        "Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True}
    )
    return Image.open(BytesIO(base64.b64decode(taken["data"]))).convert("RGB")


def click(opened: Chrome, selector: str) -> None:
    """Wait until an element can be clicked, and click it."""
    found = element_to_be_clickable((By.CSS_SELECTOR, selector))
    WebDriverWait(opened, SECONDS).until(found).click()


def wait_for(opened: Chrome, selector: str) -> None:
    """Wait until the page has an element."""
    WebDriverWait(opened, SECONDS).until(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, selector)
    )


def wait_for_page(opened: Chrome) -> None:
    """Wait until the dashboard shows the snapshot, with every graph drawn."""

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
    """Serve the dashboard of a deployment or a snapshot; yield its address."""

    def show(span: timedelta) -> Snapshot:
        return source if isinstance(source, Snapshot) else take_snapshot(source, "dev", span)

    def rates_of() -> RecentRates:
        if isinstance(source, Snapshot) or rates:
            return rates or RecentRates()
        return read_recent_rates(source.target)

    with serving(app(show, rates_of, timedelta(hours=1)).server) as address:
        yield address


def dashboard(source: DeploymentClient | Snapshot, rates: RecentRates | None = None) -> Page:
    """Return the dashboard's top, with the stress rate, alarms and current values."""
    return Page(
        serve=lambda: served(source, rates),
        draw=wait_for_page,
        width=780,
        columns=[("header", ".tiles")],
    )


def quality(source: DeploymentClient) -> Page:
    """Return the dashboard's panels of model quality."""
    section = "#snapshot section:nth-of-type(4)"
    return replace(dashboard(source), columns=[(section, section)])


def phone(source: DeploymentClient) -> Page:
    """Return the dashboard's first charts and first panels on a phone."""
    return replace(
        dashboard(source),
        width=390,
        columns=[
            ("header", ".rates figure:nth-of-type(3)"),
            ("nav", "#snapshot .panels figure"),
        ],
    )


def web_service(target: Target) -> Page:
    """Return the web service's page, with the answer to its example of a post."""
    proxy = signing_proxy(
        target.output(stack_outputs.WEB_SERVICE_URL),
        by_signature(target.client("s3").meta.region_name, target.credentials),
    )

    def answer(opened: Chrome) -> None:
        for selector in (".opblock-post .opblock-summary", ".try-out__btn", "button.execute"):
            click(opened, selector)
        wait_for(opened, ".live-responses-table code")

    return Page(
        serve=lambda: _at(serving(proxy), API_PAGE),
        draw=answer,
        width=780,
        columns=[(".opblock-post", ".live-responses-table .highlight-code")],
    )


def card(source: DeploymentClient) -> Page:
    """Return the champion's model card."""
    champion = source.champion()
    if not champion:
        raise OperatorError("A card needs a champion: run `stresswatch retrain --local` first.")
    content = Response(source.model_card(champion), mimetype="text/html")
    return Page(
        serve=lambda: serving(content),
        draw=lambda _: None,
        width=780,
        columns=[("h1", "table:nth-of-type(2)")],
    )


def training_runs(port: int) -> Page:
    """Return MLflow's table of the newest experiment's runs, with some of their metrics.

    Raises
    ------
    OperatorError
        When nothing answers at the port, or MLflow is empty.
    """
    addresses = mlflow_page.experiments(port)
    if not addresses:
        raise OperatorError("MLflow is empty; run `make demo` first.")

    def table(opened: Chrome) -> None:
        wait_for(opened, ".ag-row")
        opened.execute_script(_SHOW_METRICS, _METRICS)
        opened.refresh()
        click(opened, "button[aria-label='Toggle sidebar']")
        wait_for(opened, ".ag-row [col-id^=metrics]")

    return Page(
        serve=lambda: nullcontext(next(iter(addresses.values()))),
        draw=table,
        width=790,
        columns=[("body", ".ag-center-cols-container")],
    )


@contextmanager
def _at(served_at: AbstractContextManager[str], path: str) -> Iterator[str]:
    with served_at as address:
        yield f"{address}{path}"


PAGES: dict[str, Callable[[], Page]] = {
    "dashboard": lambda: dashboard(DeploymentClient(local_target())),
    "quality": lambda: quality(DeploymentClient(local_target())),
    "phone": lambda: phone(DeploymentClient(local_target())),
    "card": lambda: card(DeploymentClient(local_target())),
    "api": lambda: web_service(local_target()),
    "mlflow": lambda: training_runs(mlflow_page.chosen_port()),
}


def main() -> None:
    """Take a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", choices=PAGES)
    parser.add_argument("file", type=Path, help="the PNG file to write")
    arguments = parser.parse_args()
    try:
        take_picture(PAGES[arguments.page](), arguments.file)
    except OperatorError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
