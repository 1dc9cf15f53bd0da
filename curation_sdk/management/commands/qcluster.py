"""django-q2's worker, with a heartbeat that others can see and a stop that does not wait for a whole run."""

from __future__ import annotations

import os
import threading
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone
from django_q.cluster import Cluster
from django_q.management.commands.qcluster import Command as QClusterCommand

from curation_sdk import shutdown, workers


class StoppableCluster(Cluster):  # type: ignore[misc]
    """A cluster that tells the runs under way to end when it is told to stop."""

    def sig_handler(self, signum: int, frame: Any) -> None:
        shutdown.request_stop()
        # django-q2 sets its event right here, which waits for a process that may have been stopped by the same signal.
        threading.Thread(target=self.stop_event.set, daemon=True).start()


class Command(QClusterCommand):  # type: ignore[misc]
    help = "Starts a worker: it runs the schedules and pushes what is queued. Ctrl-C or SIGTERM stop it."

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("cluster_name"):
            os.environ["Q_CLUSTER_NAME"] = options["cluster_name"]
        shutdown.end_together()
        cluster = StoppableCluster()
        cluster.start()
        if options.get("run_once"):
            cluster.stop()
            return
        while cluster.sentinel.is_alive():
            _with_database(lambda: workers.beat(now=timezone.now()))
            cluster.sentinel.join(workers.HEARTBEAT_SECONDS)
        _with_database(workers.leave)


def _with_database(work: Any) -> None:
    """A database that is away for a while is no reason for the worker to end."""
    try:
        work()
    except DatabaseError:
        connection.close()
