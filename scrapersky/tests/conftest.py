from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scrapersky.tests import processes


@pytest.fixture
def scratch_database(tmp_path: Path) -> Iterator[processes.ScratchDatabase]:
    """An empty database for processes."""
    with processes.scratch_database(tmp_path) as database:
        yield database


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.ScratchDatabase]:
    """A database with 400 contacts and the demo's log-in, to be copied, not changed: it takes long to make."""
    with processes.scratch_database(tmp_path_factory.mktemp("demo")) as database:
        database.manage("migrate", "--verbosity", "0")
        database.manage("load_demo_contacts", "--count", "400")
        login = {"DJANGO_SUPERUSER_USERNAME": "admin", "DJANGO_SUPERUSER_PASSWORD": "admin"}
        database.manage("createsuperuser", "--noinput", "--email", "admin@example.com", **login)
        yield database
