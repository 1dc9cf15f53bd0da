"""An import in a real browser: upload with some wrong lines, preview, confirm, progress, the refused lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By

from scrapersky.tests.browser import follow, look, serious_findings
from scrapersky.tests.processes import wait_until
from scrapersky.tests.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROWS = 3_000


def content() -> str:
    rows = [f"walk{number}@import.example;Walk {number};import.example" for number in range(ROWS)]
    rows[10] = "too few"
    rows[2_500] = "late@import.example;Late;not a host"
    rows[20] = rows[19]
    rows[21] = "walk1@import.example;Another name;import.example"
    return "\ufeffemail;name;domain\r\n" + "".join(f"{row}\r\n" for row in rows)


def shows(browser: Any, *texts: str) -> Callable[[], bool]:
    def holds() -> bool:
        body = browser.execute_script("return document.body ? document.body.innerText : ''")
        return all(text in body for text in texts)

    return holds


def press(browser: Any, value: str) -> None:
    follow(browser.find_element(By.CSS_SELECTOR, f'[type=submit][value="{value}"]'))


def test_a_file_from_excel_from_upload_to_refused_lines(browser: Any, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "from <Excel>.csv"
    file.write_text(content(), newline="")
    site.log_in(browser)
    browser.get(f"{site.url}/admin/contacts/contact/")
    follow(browser.find_element(By.CSS_SELECTOR, ".object-tools").find_element(By.LINK_TEXT, "IMPORT"))

    browser.find_element(By.NAME, "file").send_keys(str(file))
    press(browser, "Upload and check")
    wait_until(shows(browser, "No worker is running, so the file waits."), "word that no worker runs")
    address = browser.current_url

    with site.worker():
        wait_until(shows(browser, "2,997 rows can be imported. Nothing is imported yet."), "the preview", 60)
        assert shows(browser, "Refused rows", "too few", "1 cell, but the header has 3", "Another name")()
        for view in ({}, {"dark": True}, {"phone": True}):
            look(browser, **view)
            browser.get(address)
            assert serious_findings(browser) == []
            wide = browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, f"The page is {wide} pixels wider than the screen: {view}"
        look(browser)
        press(browser, "Import 2,997 rows")
        done = "2,997 contacts were imported, 1 row was there already, 2 were refused."
        wait_until(shows(browser, "Imported", done), "the result", 60)

    assert serious_findings(browser) == []
    assert browser.current_url == address
    link = browser.find_element(By.LINK_TEXT, "Download the refused rows").get_attribute("href")
    text = browser.execute_async_script(
        "const done = arguments[1]; fetch(arguments[0]).then((answer) => answer.text()).then(done);", link
    )
    assert text.splitlines()[1:] == [
        '12,"1 cell, but the header has 3",too few',
        "2502,domain: 'not a host' is not a host name such as example.com,late@import.example;Late;not a host",
    ]
    assert site.run("from contacts.models import *; print(ContactImportPart.objects.count())").strip() == "0"
