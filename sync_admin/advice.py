"""What a person can do about a cause. Many say it themselves; this is for the rest, and where to put it right."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from curation_sdk.job import SyncJob


@dataclass(frozen=True, slots=True)
class Advice:
    """`text`: what to do; "" where the cause says it. `set_up`: it is put right in how we use the platform."""

    text: str
    set_up: bool = False


_SET_UP = Advice("Put this right first. What waits in the queue is sent by itself afterwards.", set_up=True)
_BY_ITSELF = Advice("Nothing: they are sent by themselves when that time is over.")
_PASSING = Advice("Nothing for now: they are tried again by themselves. If it stays, see that {label} works.")
_IN_N8N = Advice("See the workflow's executions in n8n, put right what they say, then retry.")

#: Words of causes, and what to do about those. The first that is found counts.
RULES: tuple[tuple[str, Advice], ...] = (
    (r"^Suppressed since", Advice("Nothing: this person must not be mailed. Only a person lifts a suppression.")),
    (r"^Skipped by", Advice("Nothing: somebody decided so. Queue them again if that has changed.")),
    (r"then queue the contact again\.$|Correct both there", Advice("")),
    (
        r"^Unexpected .* in our program",
        Advice("Send the worker's log to whoever looks after this program, then retry."),
    ),
    (r"never reported back|could not enrich|^n8n: |^n8n reported", _IN_N8N),
    (r"^The worker died", Advice("Retry them. If the same ones fail again, the worker's log says what ends it.")),
    (r"Given up after", Advice("Every try failed. See that {label} works again, then retry.")),
    (r"asked us to slow down|has locked the account|is moving the account", _BY_ITSELF),
    (r"rejected the (key|token|log-in)|gave no token|refused the secret|lacks a scope", _SET_UP),
    (r"not allowed to do this|does not let us (do|add)|plan or credits|address or key in the settings", _SET_UP),
    (r"has no (list|segment)|refuses (every contact|contacts for)|no active workflow|takes no POST", _SET_UP),
    (r"There is no .*\bAPI\b|with a redirect|takes at most .* a call", _SET_UP),
    (
        r"is in trouble|did not answer|is not ready for it|web page came|Something in front of"
        r"|is not one of its answers|did not take it now|did not add it to segment|is working on it"
        r"|The workflow in n8n failed|answered \(?\d",
        _PASSING,
    ),
    (r"does not let us change this contact", Advice("Give our user that right in {label}, then retry.")),
    (
        r"refused it|does not take the value|leaves out",
        Advice("Correct it in these contacts, or no longer send that field, then retry.", set_up=True),
    ),
)

OTHERWISE = Advice("Read the last answer, put right what it says, then retry.")


def advice(job: SyncJob, cause: str) -> Advice:
    """What to do about a cause."""
    found = next((what for words, what in RULES if re.search(words, cause)), OTHERWISE)
    return Advice(found.text.format(label=job.label), found.set_up)


def set_up_address(job: SyncJob) -> str:
    """Where a person looks at the connection to the platform; "" where there is none, as for curation."""
    if not job.contact_id:
        return ""
    try:
        return reverse("sync-connection", args=[job.platform])
    except NoReverseMatch:
        return ""
