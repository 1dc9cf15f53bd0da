from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scrapersky.tests.browser import look, open_browser
from scrapersky.tests.processes import ScratchDatabase
from scrapersky.tests.site import Site, running_site


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Any) -> Any:
    """The session's browser: light, on a desk, logged in nowhere."""
    look(one_browser)
    one_browser.delete_all_cookies()
    return one_browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo_database: ScratchDatabase) -> Iterator[Site]:
    """A running project with the demo's contacts, for the tests of one module."""
    with running_site(tmp_path_factory.mktemp("site"), demo_database) as site:
        yield site
