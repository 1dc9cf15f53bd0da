"""`manage.py brevo_sweep`: read from Brevo whom it does not mail, now."""

from __future__ import annotations

from brevo_sync.opt_outs import SWEEPER
from opt_outs.commands import SweepCommand


class Command(SweepCommand):
    help = "Read from Brevo who is blocked or has unsubscribed since the last sweep, and suppress them here."
    sweeper = SWEEPER
