"""`python -m sandbox`: run the stand-ins until Ctrl-C or SIGTERM."""

import argparse
import logging
import signal
import sys
import threading
from types import FrameType

from sandbox.brevo.account import DEFAULT_KEY, RATE_LIMIT
from sandbox.hubspot import account as hubspot_account
from sandbox.mautic.account import DEFAULT_PASSWORD, DEFAULT_USERNAME
from sandbox.n8n.workflow import DEFAULT_SECRET
from sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Command line in, exit code out: 0 after a signal, 1 if the address is taken, 2 for bad options."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, format="%(message)s")
    try:
        sandbox = Sandbox(
            host=options.host,
            port=options.port,
            brevo_key=options.brevo_key,
            mautic_username=options.mautic_username,
            mautic_password=options.mautic_password,
            n8n_secret=options.n8n_secret,
            n8n_callback_url=options.n8n_callback_url,
            rate_limit=options.rate_limit or None,
            hourly_limit=options.hourly_limit or None,
            hubspot_key=options.hubspot_key,
            hubspot_limit=options.hubspot_limit or None,
            latency_ms=options.latency_ms,
            verbose=options.verbose,
        )
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error.strerror or error}\n")
        return 1
    finished = threading.Event()

    def finish(number: int, frame: FrameType | None) -> None:
        finished.set()

    signal.signal(signal.SIGINT, finish)
    signal.signal(signal.SIGTERM, finish)
    sandbox.start()
    bases = " ".join(f"{platform.name}: {sandbox.url}{platform.prefix}" for platform in sandbox.platforms)
    sys.stdout.write(f"Sandbox at {sandbox.url}/ - stand-ins, not the real platforms. {bases}\n")
    sys.stdout.flush()
    finished.wait()
    sandbox.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8025, help="port to listen on, 0 for any (%(default)s)")
    parser.add_argument("--brevo-key", type=_key, default=DEFAULT_KEY, help="the one valid key (%(default)s)")
    parser.add_argument("--mautic-username", type=_key, default=DEFAULT_USERNAME, help="the one user (%(default)s)")
    parser.add_argument("--mautic-password", type=_key, default=DEFAULT_PASSWORD, help="its password (%(default)s)")
    parser.add_argument(
        "--n8n-secret",
        default=DEFAULT_SECRET,
        help="n8n's header secret, both ways (%(default)s)",
    )
    parser.add_argument(
        "--n8n-callback-url", default="", help="where the n8n workflow reports what it found; empty: nowhere"
    )
    parser.add_argument(
        "--rate-limit",
        type=_count,
        default=RATE_LIMIT,
        help="calls a second to /contacts, 0 for no limits at all (%(default)s)",
    )
    parser.add_argument(
        "--hourly-limit",
        type=_count,
        default=0,
        help="calls an hour to /contacts (3600 times the rate limit)",
    )
    parser.add_argument(
        "--hubspot-key", type=_key, default=hubspot_account.DEFAULT_KEY, help="the one valid token (%(default)s)"
    )
    parser.add_argument(
        "--hubspot-limit",
        type=_count,
        default=hubspot_account.LIMIT,
        help="calls in ten seconds to HubSpot, 0 for no limits at all (%(default)s)",
    )
    parser.add_argument("--latency-ms", type=_latency, default=0.0, help="wait before answers (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="log each request, without bodies")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("must lie between 0 and 65535")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _latency(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 600_000:
        raise argparse.ArgumentTypeError("must lie between 0 and 600000")
    return number


def _key(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


if __name__ == "__main__":
    sys.exit(main())
