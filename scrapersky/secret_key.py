"""A secret key for a machine that was given none."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def local_secret_key(path: Path) -> str:
    """Return the key kept in `path`, made on the first call and readable by its owner only.

    Web server, worker and commands on one machine thus share a key without any set-up. Several machines must
    set SECRET_KEY, or log-ins and queued tasks of one are refused by the other.

    Raises ImproperlyConfigured when the file can be neither read nor made.
    """
    try:
        # Written aside and linked into place: of two processes that start at once one wins, whole.
        if not path.exists():
            descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
            with os.fdopen(descriptor, "w") as file:
                file.write(get_random_secret_key())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                os.unlink(draft)
        key = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"SECRET_KEY is not set and {path.name} cannot be kept beside manage.py "
            f"({error.strerror}). Set SECRET_KEY in the environment or in .env."
        ) from error
    if not key:
        raise ImproperlyConfigured(f"{path.name} is empty. Delete it, or set SECRET_KEY.")
    return key
