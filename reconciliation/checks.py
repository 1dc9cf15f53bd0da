"""What `manage.py check` says about the settings of comparisons."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register("reconciliation")
def comparison_settings(**_: Any) -> list[CheckMessage]:
    """The hour must be one of a day."""
    if settings.RECONCILE_HOUR > 23:
        return [Error("RECONCILE_HOUR must lie between 0 and 23.", id="reconciliation.E001")]
    return []
