"""The sandbox as a whole, and the context manager that tests use."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.app import App
from sandbox.brevo import account as brevo_account
from sandbox.brevo.stand_in import Brevo
from sandbox.faults import Fault
from sandbox.hubspot import account as hubspot_account
from sandbox.hubspot.stand_in import HubSpot
from sandbox.limits import Clock
from sandbox.listener import Listener
from sandbox.mautic import account as mautic_account
from sandbox.mautic.stand_in import Mautic
from sandbox.n8n.stand_in import N8n
from sandbox.n8n.workflow import DEFAULT_SECRET, Workflow
from sandbox.platform import Platform


class Sandbox:
    """A running server. `url` is its root, `brevo_url` Brevo's base URL, `brevo` the state to assert on; so for
    the other platforms.

    Every method may be called from any thread; hold `lock` to read several things that must fit together.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        brevo_key: str = brevo_account.DEFAULT_KEY,
        mautic_username: str = mautic_account.DEFAULT_USERNAME,
        mautic_password: str = mautic_account.DEFAULT_PASSWORD,
        n8n_secret: str = DEFAULT_SECRET,
        n8n_callback_url: str = "",
        rate_limit: int | None = brevo_account.RATE_LIMIT,
        hourly_limit: int | None = None,
        hubspot_key: str = hubspot_account.DEFAULT_KEY,
        hubspot_limit: int | None = hubspot_account.LIMIT,
        latency_ms: float = 0.0,
        verbose: bool = False,
        clock: Clock = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.lock = threading.RLock()
        brevo = brevo_account.Switches(rate_limit, hourly_limit, brevo_key)
        daily_limit = None if hubspot_limit is None else hubspot_account.DAILY_LIMIT
        hubspot = hubspot_account.Switches(hubspot_key, hubspot_limit, daily_limit)
        mautic = mautic_account.Switches(mautic_username, mautic_password)
        workflow = Workflow(n8n_secret, callback_url=n8n_callback_url)
        self.brevo = Brevo(brevo, self.lock, clock, now)
        self.hubspot = HubSpot(hubspot, self.lock, clock, now)
        self.mautic = Mautic(mautic, self.lock, clock, now)
        self.n8n = N8n(workflow, self.lock, clock, now)
        self.platforms: list[Platform] = [self.brevo, self.hubspot, self.mautic, self.n8n]
        stopping = threading.Event()
        self._app = App(self.platforms, self.lock, stopping, latency_ms / 1000, verbose)
        self._listener = Listener(host, port, self._app.answer, stopping)
        shown_host = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown_host}:{self._listener.port}"
        self.brevo_url = f"{self.url}{self.brevo.prefix}"
        self.hubspot_url = f"{self.url}{self.hubspot.prefix}"
        self.mautic_url = f"{self.url}{self.mautic.prefix}"
        self.n8n_url = f"{self.url}{self.n8n.prefix}"

    def start(self) -> None:
        """Begin answering, in threads of its own."""
        self._listener.start()

    def stop(self) -> None:
        """End promptly, whatever hangs. Safe to call twice."""
        self.brevo.stop()
        self.n8n.stop()
        self._listener.stop()

    def add_fault(
        self,
        kind: str,
        *,
        times: int | None = None,
        share: float = 1.0,
        seed: int | None = None,
        path: str = "",
        email: str = "",
        seconds: float = 30.0,
        reset_after: int = 1,
    ) -> None:
        """Put a fault in force; see `sandbox.faults.Fault` for what the arguments mean."""
        fault = Fault(kind, times, share, seed, path, email, seconds, reset_after)
        with self.lock:
            self._app.faults.add(fault)

    def clear_faults(self) -> None:
        """Let everything work again."""
        with self.lock:
            self._app.faults.clear()

    def reset(self) -> None:
        """Fresh accounts, no recorded requests, unused budgets, no faults. Settings stay."""
        with self.lock:
            self._app.faults.clear()
            for platform in self.platforms:
                platform.reset()


@contextmanager
def running_sandbox(
    *,
    port: int = 0,
    brevo_key: str = brevo_account.DEFAULT_KEY,
    mautic_username: str = mautic_account.DEFAULT_USERNAME,
    mautic_password: str = mautic_account.DEFAULT_PASSWORD,
    n8n_secret: str = DEFAULT_SECRET,
    n8n_callback_url: str = "",
    rate_limit: int | None = brevo_account.RATE_LIMIT,
    hourly_limit: int | None = None,
    hubspot_key: str = hubspot_account.DEFAULT_KEY,
    hubspot_limit: int | None = hubspot_account.LIMIT,
    latency_ms: float = 0.0,
    clock: Clock = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Iterator[Sandbox]:
    """A sandbox on a free port of 127.0.0.1 for the length of a `with` block.

    `rate_limit=None` lifts every limit, HubSpot's too. `clock` feeds the limiter, `now` the contacts' times; pass
    your own to test rates and dates without waiting.
    """
    sandbox = Sandbox(
        port=port,
        brevo_key=brevo_key,
        mautic_username=mautic_username,
        mautic_password=mautic_password,
        n8n_secret=n8n_secret,
        n8n_callback_url=n8n_callback_url,
        rate_limit=rate_limit,
        hourly_limit=hourly_limit,
        hubspot_key=hubspot_key,
        hubspot_limit=None if rate_limit is None else hubspot_limit,
        latency_ms=latency_ms,
        clock=clock,
        now=now,
    )
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
