"""`manage.py mautic_sync`: push to Mautic what is due now."""

from __future__ import annotations

from typing import Any

from curation_sdk.commands import SyncCommand
from mautic_sync import conf
from mautic_sync.connection import request
from mautic_sync.job import MAUTIC
from mautic_sync.opt_outs import tell_opt_outs
from mautic_sync.tasks import opt_outs_sentence


class Command(SyncCommand):
    help = "Tell Mautic of our opt-outs, push to it what is due now, and return when nothing is."
    job = MAUTIC

    def before_pushing(self) -> None:
        if sentence := opt_outs_sentence(tell_opt_outs(within=None)):
            self.stdout.write(sentence)

    def preview(self, contact: Any) -> dict[str, Any] | str:
        """As the call looks with this contact alone; in a run up to 200 share one."""
        return request(contact, conf.load())
