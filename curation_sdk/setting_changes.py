"""Changing a platform's settings in the admin: what is chosen, who chose it when, and what it was before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings

from curation_sdk import platform_settings
from curation_sdk.database import atomic_with_retry
from curation_sdk.models import PlatformSettings, SettingChange

#: Stands for "as the environment says".
FROM_ENVIRONMENT = None

#: Changes shown on a page.
LATEST = 20


def latest_change(platform: str) -> int:
    """The number of the platform's last change; 0 when there is none. Who saves says which one he saw."""
    return SettingChange.objects.filter(platform=platform).values_list("pk", flat=True).first() or 0


def change(platform: str, wanted: Mapping[str, Any], *, seen: int, user: Any, now: datetime) -> bool:
    """Set the settings; FROM_ENVIRONMENT takes one back. What differs is recorded.

    seen: the last change that the person knew of. False, and nothing changed, when there has been another one since.
    """

    def write() -> bool:
        PlatformSettings.objects.get_or_create(pk=platform)
        row = PlatformSettings.objects.select_for_update().get(pk=platform)
        if latest_change(platform) != seen:
            return False
        stored = row.values if isinstance(row.values, dict) else {}
        changes = [
            SettingChange(
                platform=platform,
                name=name,
                before=stored.get(name),
                after=value,
                changed_at=now,
                changed_by=user,
                changed_by_name=str(user)[:150],
            )
            for name, value in wanted.items()
            if stored.get(name) != value
        ]
        SettingChange.objects.bulk_create(changes)
        merged = {**stored, **wanted}
        row.values = {name: value for name, value in merged.items() if value is not FROM_ENVIRONMENT}
        row.save(update_fields=["values"])
        return True

    done = atomic_with_retry(write)
    platform_settings.forget()
    return done


def history(platform: str) -> list[SettingChange]:
    """The latest changes, newest first."""
    return list(SettingChange.objects.filter(platform=platform)[:LATEST])


def as_written(value: Any) -> str:
    """A setting as one writes it in the environment: "12", "COMPANY=FIRMA,SMS="."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={text}" for name, text in value.items())
    return str(value)


def origin(platform: str, name: str) -> SettingChange | None:
    """The change that put the setting's present value in force; None when that is the environment's."""
    if name not in platform_settings.chosen(platform):
        return None
    return SettingChange.objects.filter(platform=platform, name=name).first()


def in_force(platform: str) -> list[str]:
    """A sentence for each setting that was changed in the admin, for the commands of the platform."""
    sentences = []
    for name, value in platform_settings.chosen(platform).items():
        last = origin(platform, name)
        by = f" by {last.changed_by_name} on {last.changed_at:%Y-%m-%d}" if last else ""
        environments = as_written(getattr(settings, name)) or "none"
        sentences.append(
            f"{name}={as_written(value)} was set in the admin{by}, over the environment's ({environments})."
        )
    return sentences
