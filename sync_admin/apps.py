from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class SyncAdminConfig(AppConfig):
    name = "sync_admin"
    verbose_name = "Sync"

    def ready(self) -> None:
        from sync_admin.groups import make_groups

        # The turn of "auth" comes after all of ours have got their permissions.
        post_migrate.connect(make_groups, sender=apps.get_app_config("auth"), dispatch_uid="sync_admin.make_groups")
