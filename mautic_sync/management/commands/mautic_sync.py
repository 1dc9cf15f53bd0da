"""`manage.py mautic_sync`: push to Mautic what is due now."""

from __future__ import annotations

from curation_sdk.commands import SyncCommand
from mautic_sync.job import MAUTIC
from mautic_sync.opt_outs import TELLER
from opt_outs.telling import tell


class Command(SyncCommand):
    help = "Tell Mautic of our opt-outs, push to it what is due now, and return when nothing is."
    job = MAUTIC

    def before_pushing(self) -> None:
        # With --even-if-paused it comes so far in a pause, too.
        told = tell(TELLER, within=None, even_if_paused=True)
        if sentence := told.sentence(self.job.label):
            self.stdout.write(sentence)
