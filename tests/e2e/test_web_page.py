"""The web service's page in a real browser, whose requests `stresswatch api --local` signs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from docs.browser import SECONDS, browser, programs
from docs.screenshot import click
from tests.e2e.deployed import Deployed

pytestmark = pytest.mark.skipif(
    programs() is None, reason="no Chromium: apt-get install chromium chromium-driver"
)
LINE = "stresswatch api --local"


@pytest.fixture
def address(deployed: Deployed, tmp_path: Path) -> Iterator[str]:
    """The page's address while the command runs."""
    (tmp_path / ".stresswatch").symlink_to(deployed.folder)
    program, *words = LINE.split()
    command = subprocess.Popen(
        [Path(sys.executable).with_name(program), *words, "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert command.stdout
        found = re.search(r"http://127\.0\.0\.1:\d+/docs", command.stdout.readline())
        assert found
        yield found[0]
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == 0
    finally:
        command.kill()


def test_a_post_is_predicted_from_the_page_in_a_browser(
    address: str, retraining: dict[str, Any]
) -> None:
    def answer(opened: Chrome) -> str:
        shown = opened.find_elements(
            By.CSS_SELECTOR, ".live-responses-table .response-col_description code"
        )
        return shown[0].text if shown else ""

    with browser() as opened:
        opened.get(address)
        for selector in (".opblock-post .opblock-summary", ".try-out__btn", "button.execute"):
            click(opened, selector)
        prediction = json.loads(WebDriverWait(opened, SECONDS).until(answer))
    assert prediction["model_version"] == retraining["gate"]["version"]
    assert prediction["post_id"] == "post-1"
    assert prediction["reasons"]["features"]
