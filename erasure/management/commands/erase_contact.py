"""`manage.py erase_contact ADDRESS|ID`: erase a person here and in the platforms, and say what waits."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from contacts.address_hash import address_hash
from curation_sdk.clock import SystemClock
from curation_sdk.cycle import run_cycle
from curation_sdk.models import SyncRun
from curation_sdk.shutdown import stop_on_signals
from erasure.certificate import WAITS, certificate, sentence
from erasure.erasing import NobodyFound, NotErased, Who, erase_person, look, look_again, person_named
from erasure.job import ERASURE
from erasure.models import Deletion, Erasure

WAITING, WRONG_USE = 1, 2


class Command(BaseCommand):
    help = (
        "Erases a person: everything that is held here, and the contact in every platform that is on. Cannot be taken "
        "back. Exit code: 0 every platform that was asked has confirmed, 1 something waits (the worker goes on with "
        "it), 2 wrong use."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", metavar="ADDRESS|ID", help="an e-mail address, or the id of a contact")
        parser.add_argument("--why", default="", help="stands in the certificate; leave names out")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--dry-run", action="store_true", help="show what would go; erase nothing")
        what.add_argument(
            "--certificate", action="store_true", help="erase nothing; print the certificates of this person as JSON"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            who = person_named(options["person"])
        except NobodyFound as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        if options["certificate"]:
            self._certificates(who, options["person"].strip())
            return
        if options["dry_run"]:
            self._show(who)
            self.stdout.write("Nothing was erased.")
            return
        if not options["yes"]:
            self._ask(who)
        why = options["why"].strip() or "Asked through the command line."
        try:
            erasure = erase_person(who, by=f"{_user()} (command line)", why=why, now=timezone.now())
        except NotErased as error:
            raise CommandError(str(error), returncode=WRONG_USE) from error
        self._finish(erasure)

    def _ask(self, who: Who) -> None:
        if not sys.stdin.isatty():
            raise CommandError("Nobody can be asked here. Add --yes to erase without asking.", returncode=WRONG_USE)
        self._show(who)
        if input("Type ERASE to go on: ").strip() != "ERASE":
            raise CommandError("Nothing was erased.", returncode=WRONG_USE)

    def _show(self, who: Who) -> None:
        found = look(who, thorough=True)
        self.stdout.write(f"Contacts to be emptied: {found.rows:,}")
        for label, count in found.here.items():
            self.stdout.write(f"{label}: {count:,}")
        for label, text in found.platforms:
            self.stdout.write(f"{label}: {text}")

    def _finish(self, erasure: Erasure) -> None:
        """Ask the platforms now, and say how far it is."""
        mine = Deletion.objects.filter(erasure=erasure)
        only = list(mine.values_list("pk", flat=True))
        with stop_on_signals() as stop:
            run_cycle(ERASURE, trigger=SyncRun.Trigger.COMMAND, only=only, stop=stop, clock=SystemClock())
        look_again(now=timezone.now())
        erasure.refresh_from_db()
        shown = certificate(erasure)
        self._print(shown)
        waiting = [one for one in shown["platforms"] if one["state"] == WAITS]
        for one in mine.exclude(reason=None).filter(platform__in=_waiting(mine)):
            self.stderr.write(f"{one.platform}: {one.reason}")
        if waiting or not shown["complete"]:
            raise CommandError(f"{sentence(shown)} A worker goes on with it.", returncode=WAITING)
        self.stdout.write(self.style.SUCCESS(sentence(shown)))

    def _certificates(self, who: Who, given: str) -> None:
        erasures = Erasure.objects.filter(key_hash=address_hash(who.key)) if who.key else Erasure.objects.none()
        found = list(erasures) or [one for one in Erasure.objects.order_by("-pk") if given in one.contact_ids]
        if not found:
            raise CommandError("There is no certificate for this person.", returncode=WAITING)
        for one in found:
            self._print(certificate(one))

    def _print(self, shown: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder))


def _waiting(mine: Any) -> list[str]:
    return list(mine.exclude(processing_status=None).filter(confirmed_at=None).values_list("platform", flat=True))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "somebody"
