"""`manage.py brevo_sync`: push to Brevo what is due now."""

from __future__ import annotations

from brevo_sync.job import BREVO
from brevo_sync.opt_outs import TELLER
from curation_sdk.commands import SyncCommand
from opt_outs.telling import tell


class Command(SyncCommand):
    help = "Tell Brevo of our opt-outs, push to it what is due now, and return when nothing is."
    job = BREVO

    def before_pushing(self) -> None:
        # With --even-if-paused it comes so far in a pause, too.
        told = tell(TELLER, within=None, even_if_paused=True)
        if sentence := told.sentence(self.job.label):
            self.stdout.write(sentence)
