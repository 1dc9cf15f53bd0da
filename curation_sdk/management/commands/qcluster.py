"""django-q2's worker, with a supervisor: it survives the death of any of its processes, and stops quickly."""

from __future__ import annotations

import os
from typing import Any

from django_q.management.commands.qcluster import Command as QClusterCommand

from curation_sdk.supervisor import Supervisor


class Command(QClusterCommand):  # type: ignore[misc]
    help = "Starts a worker: it runs the schedules and pushes what is queued. Ctrl-C or SIGTERM stop it."

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("run_once"):
            super().handle(*args, **options)
            return
        if options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        Supervisor().run()
