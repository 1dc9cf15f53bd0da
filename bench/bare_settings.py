"""The project's settings with `bench.bare_urls`."""

from scrapersky.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare_urls"
