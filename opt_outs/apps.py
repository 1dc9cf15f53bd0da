from __future__ import annotations

from django.apps import AppConfig


class OptOutsConfig(AppConfig):
    name = "opt_outs"
    verbose_name = "Opt-outs"

    def ready(self) -> None:
        from curation_sdk.schedules import minutes_on_migrate

        minutes_on_migrate("opt_out_sweeps", "opt_outs.tasks.sweep_what_is_due", 60)
