"""A real browser without a screen, what it says of a page's accessibility, and pictures of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")


@contextmanager
def open_browser(folder: Path) -> Iterator[Any]:
    """Chromium with its profile in the folder. Skips the test where there is none, but not in CI."""
    if not (CHROMIUM and CHROMEDRIVER):
        if os.environ.get("CI"):
            pytest.fail("CI has to have chromium and chromium-driver.")
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        *("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-dev-shm-usage"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *("window-size=1400,1000", f"user-data-dir={folder}/profile"),
    ):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    driver.implicitly_wait(10)
    try:
        yield driver
    finally:
        driver.quit()


def follow(element: Any) -> None:
    """Click a link or a button and wait until the page that it leads to has taken this one's place."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.support.wait import WebDriverWait

    def is_gone(_: Any) -> bool:
        try:
            element.is_enabled()
        except WebDriverException:  # stale, or, for a moment, a node of no document
            return True
        return False

    element.click()
    WebDriverWait(element.parent, 30).until(is_gone)


def serious_findings(browser: Any) -> list[str]:
    """What axe-core finds on the page that is open, of the grades "serious" and "critical": a line for each."""
    browser.execute_script(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; axe.run().then(done, (error) => done({error: String(error)}));"
    )
    assert "error" not in found, found["error"]
    return [
        f"{one['impact']}: {one['id']}: {node['target']} {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def look(browser: Any, *, dark: bool = False, phone: bool = False) -> None:
    """Show pages light or dark, on a desk or on a phone, from the next load on."""
    size = {"width": 390, "height": 844} if phone else {"width": 1400, "height": 1000}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": 1, "mobile": phone})
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
