"""An empty database for one measurement, for this process and for those that it starts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from scrapersky.tests.processes import ScratchDatabase


@contextmanager
def scratch(**environment: str) -> Iterator[ScratchDatabase]:
    """Make an empty, migrated database, set Django up on it, and remove it afterwards.

    Call it once in a process, before anything of Django is imported. `environment` holds settings such as
    `BREVO_API_KEY`; what a developer has set is left out.
    """
    for name in list(os.environ):
        if name.startswith(("BREVO_", "Q_")):
            del os.environ[name]
    os.environ.update({"DJANGO_SETTINGS_MODULE": "scrapersky.settings", "LOG_LEVEL": "WARNING", **environment})
    # The name of the scratch database comes from the settings, so they are read once for it and then once more.
    from scrapersky.tests import processes

    with tempfile.TemporaryDirectory() as folder, processes.scratch_database(Path(folder)) as database:
        os.environ["DATABASE_URL"] = database.url
        _read_settings_again()
        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        try:
            yield database
        finally:
            connections.close_all()


def _read_settings_again() -> None:
    import importlib

    from django.conf import settings
    from django.utils.functional import empty

    import scrapersky.settings

    importlib.reload(scrapersky.settings)
    settings._wrapped = empty  # as Django's own override_settings does
