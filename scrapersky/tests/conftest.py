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
