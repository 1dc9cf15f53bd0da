"""`manage.py export_contact ADDRESS|ID`: everything that is held about a person, as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from erasure.erasing import NobodyFound, person_named
from erasure.exporting import export_person


class Command(BaseCommand):
    help = "Prints everything that is held about a person as JSON: every table that names them. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", metavar="ADDRESS|ID", help="an e-mail address, or the id of a contact")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            who = person_named(options["person"])
        except NobodyFound as error:
            raise CommandError(str(error), returncode=2) from error
        held = export_person(who, now=timezone.now())
        self.stdout.write(json.dumps(held, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder))
