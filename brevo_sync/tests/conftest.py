"""A sandbox that a module's tests share, emptied before each, with the settings that point to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, settings: Any) -> Sandbox:
    shared_sandbox.reset()
    settings.BREVO_API_BASE_URL = shared_sandbox.brevo_url
    settings.BREVO_API_KEY = DEFAULT_KEY
    settings.BREVO_RATE_LIMIT_PER_SECOND = 5000.0
    return shared_sandbox
