"""What `manage.py check` says about curation's settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from contact_curation import conf


@register("contact_curation")
def curation_settings(**_: Any) -> list[CheckMessage]:
    """Settings that a typing error made useless."""
    fault = conf.settings_fault()
    return [Error(fault, id="contact_curation.E001")] if fault else []
