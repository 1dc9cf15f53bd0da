from __future__ import annotations

from django.apps import AppConfig


class SyncAdminConfig(AppConfig):
    name = "sync_admin"
    verbose_name = "Sync"
