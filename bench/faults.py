"""A platform that fails in every way in a fifth of its answers: what becomes of each contact.

    python -m bench.faults [--contacts 300] [--share 0.2] [--hang 40]

Waits between tries are cut short by SQL; nothing else is. Exit code 1 when a contact was left over, was pushed more
often than the retries allow, is missing in the sandbox or stands there twice, or bears a text that does not name the
cause.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from bench.report import show
from bench.scratch import scratch
from sandbox.brevo.account import DEFAULT_KEY
from sandbox.server import Sandbox, running_sandbox

#: The fault, and what the contact's reason has to say while it waits for its next try.
FAULTS = {
    "500": "Brevo is in trouble (500)",
    "502_html": "Brevo is in trouble (502)",
    "503": "Brevo is in trouble (503)",
    "425": "Brevo is not ready for it yet (425)",
    "truncated_json": "Brevo answered 201 with a body that is not one of its answers.",
    "empty_200": "Brevo answered 200 with a body that is not one of its answers.",
    "reset": "The connection",
    "hang": "Brevo did not answer: No answer within 25 seconds.",
    "redirect": "Brevo answered with a redirect (302)",
    "lost_answer": "The connection was closed before the answer came.",
}
MAX_TRIES = 4  # BREVO_SYNC_MAX_RETRIES and the first one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=300, help="for each fault (%(default)s)", metavar="N")
    parser.add_argument("--share", type=float, default=0.2, help="of the calls that fail (%(default)s)")
    parser.add_argument("--hang", type=int, default=40, help="contacts for the fault that takes long (%(default)s)")
    parser.add_argument("--only", choices=list(FAULTS), nargs="+", default=list(FAULTS), help="these faults")
    options = parser.parse_args()
    problems: list[str] = []
    rows = []
    with scratch(BREVO_API_KEY=DEFAULT_KEY, BREVO_LIST_ID="2", BREVO_RATE_LIMIT_PER_SECOND="500"):
        for fault in options.only:
            count = options.hang if fault == "hang" else options.contacts
            row, found = _trial(fault, count, options.share)
            rows.append(row)
            problems += [f"{fault}: {problem}" for problem in found]
    columns = ("fault", "contacts", "calls struck", "Complete", "Error", "most tries", "left over", "the reason said")
    show(f"One fault in {options.share:.0%} of the calls", columns, rows)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


def _trial(fault: str, count: int, share: float) -> tuple[Sequence[object], list[str]]:
    from django.conf import settings

    from contacts.models import Contact

    Contact.objects.all().delete()
    Contact.objects.bulk_create(
        [Contact(email=f"p{number}@{fault.replace('_', '-')}.example") for number in range(count)]
    )
    with running_sandbox(rate_limit=None) as sandbox:
        settings.BREVO_API_BASE_URL = sandbox.brevo_url
        # The look-up of an id after a 204 may fail as well; it costs the id, not the contact.
        sandbox.add_fault(fault, share=share, seed=7, seconds=60)
        reasons = _push_until_settled()
        struck = sum(bool(one.fault) for one in sandbox.brevo.requests)
        problems = _problems(sandbox, fault, reasons)
        tries = _tries(sandbox)
    ended = Counter(Contact.objects.values_list("brevo_sync_status", flat=True))
    left_over = count - ended["Complete"] - ended["Error"]
    said = reasons.most_common(1)[0][0] if reasons else ""
    return (fault, count, struck, ended["Complete"], ended["Error"], tries, left_over, (said or "")[:60]), problems


def _push_until_settled() -> Counter[str | None]:
    """Run after run, as the schedule would; returns the reasons of those that had to wait, and how often."""
    from django.utils import timezone

    from brevo_sync.job import BREVO
    from contacts.models import Contact
    from curation_sdk.cycle import run_cycle
    from curation_sdk.models import SyncRun
    from curation_sdk.queueing import queue_contacts

    reasons: Counter[str | None] = Counter()
    queue_contacts(BREVO, Contact.objects.all(), now=timezone.now())
    waiting = Contact.objects.filter(brevo_processing_status__in=("Queued", "Processing"))
    for _ in range(MAX_TRIES + 4):
        run_cycle(BREVO, trigger=SyncRun.Trigger.COMMAND)
        reasons.update(waiting.values_list("brevo_processing_error", flat=True))
        if not waiting.update(brevo_next_attempt_at=timezone.now()):
            break
    return reasons


def _tries(sandbox: Sandbox) -> int:
    pushes = (one for one in sandbox.brevo.requests if one.method == "POST" and one.path == "/contacts")
    return max(Counter(str(one.body) for one in pushes).values())


def _problems(sandbox: Sandbox, fault: str, reasons: Counter[str | None]) -> list[str]:
    from contacts.models import Contact

    problems = []
    if left := Contact.objects.exclude(brevo_sync_status__in=("Complete", "Error")).count():
        problems.append(f"{left} contacts are not settled")
    complete = Contact.objects.filter(brevo_sync_status="Complete").values_list("email", flat=True)
    if missing := set(complete) - set(sandbox.brevo.contacts):
        problems.append(f"{len(missing)} contacts are Complete and not in the sandbox")
    if _tries(sandbox) > MAX_TRIES:
        problems.append(f"a contact was pushed {_tries(sandbox)} times")
    said = [
        *reasons,
        *Contact.objects.filter(brevo_sync_status="Error").values_list("brevo_processing_error", flat=True),
    ]
    if wrong := [text for text in said if FAULTS[fault] not in (text or "")]:
        problems.append(f"a reason does not name the cause: {wrong[0]}")
    return problems


if __name__ == "__main__":
    main()
