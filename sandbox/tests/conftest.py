"""Fixtures: a sandbox that tests share (emptied before each test), one with limits and a clock of its own."""

from collections.abc import Iterator

import pytest

from sandbox.server import Sandbox, running_sandbox
from sandbox.tests.client import Client


class HandClock:
    """A clock that stands still until told to move."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    with running_sandbox(rate_limit=None) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """Without limits, freshly emptied. Tests that change settings start their own."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def brevo(sandbox: Sandbox) -> Iterator[Client]:
    client = Client(sandbox.url)
    yield client
    client.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
