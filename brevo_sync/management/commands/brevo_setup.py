"""`manage.py brevo_setup`: is the Brevo account ready for us?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from brevo_sync import conf
from brevo_sync.client import BrevoClient, BrevoError
from brevo_sync.setup_check import check_account
from curation_sdk.clock import SystemClock
from curation_sdk.http import Unanswered
from curation_sdk.outcomes import StopRun, Throttled
from curation_sdk.ratelimit import RateLimiter


class Command(BaseCommand):
    help = "Check Brevo's key, list and attributes, and say what to do. --create makes what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--create", action="store_true", help="make missing attributes, and a list if none is set")

    def handle(self, *args: Any, **options: Any) -> None:
        if reason := conf.off_reason():
            raise CommandError(reason, returncode=1)
        config = conf.load()
        client = BrevoClient(config, RateLimiter(config.rate_per_second, SystemClock()))
        wrong = can_make = 0
        try:
            for finding in check_account(client, config, create=options["create"]):
                mark = self.style.SUCCESS("ok  ") if finding.ok else self.style.ERROR("todo")
                self.stdout.write(f"{mark} {finding.text}")
                wrong += not finding.ok
                can_make += finding.can_make
        except (StopRun, Throttled, BrevoError, Unanswered) as error:
            raise CommandError(f"Brevo could not be asked. {error.reason}", returncode=1) from None
        finally:
            client.close()
        if wrong:
            advice = " `manage.py brevo_setup --create` makes what is missing." if can_make else ""
            raise CommandError(f"{wrong} to do.{advice}", returncode=1)
        self.stdout.write(self.style.SUCCESS("Brevo is ready."))
