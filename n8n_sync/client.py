"""Talking to n8n's webhook, and what its answers mean.

Source: https://docs.n8n.io/integrations/builtin/core-nodes/n8n-nodes-base.webhook/ and what n8n 1.123 answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from curation_sdk.answers import (
    PlatformError,
    in_trouble,
    quoted,
    redirected,
    retry_after,
    slow_down,
    without_markup,
)
from curation_sdk.http import ANSWER_TIMEOUT, Answer, PlatformSession, evidence
from curation_sdk.outcomes import Evidence, StopRun
from curation_sdk.ratelimit import RateLimiter
from n8n_sync.conf import N8nConfig, secret_forms

LONGEST_WAIT = timedelta(minutes=5)
DEFAULT_WAIT = timedelta(seconds=10)

#: n8n's words in our sentences. What is longer than this is no message but a dump.
LONGEST_WORDS = 200

#: What an answer of the workflow may call its run.
RUN_IDS = ("execution_id", "executionId", "id")


class NotRegistered(PlatformError):
    """n8n knows no webhook at the address (404): it is starting, or the workflow is not active."""

    def __init__(self, reason: str, evidence: Evidence, turn: float) -> None:
        super().__init__(reason, evidence)
        self.turn = turn  # when the request had its turn


@dataclass(frozen=True, slots=True)
class Accepted:
    """n8n took the contact. `remote_id`: the workflow's run, where its answer names it."""

    remote_id: str
    evidence: Evidence


class N8nClient:
    """The webhook of one workflow. Each method raises NotRegistered (404), PlatformError, StopRun (401, 403, 405),
    Throttled (429), Unanswered (no whole answer) or NotPushed (the run ended first)."""

    def __init__(self, config: N8nConfig, limiter: RateLimiter, *, within: float = ANSWER_TIMEOUT) -> None:
        self._session = PlatformSession(
            base_url=config.webhook_url,
            headers={"Authorization": f"Bearer {config.secret}"} if config.secret else {},
            secrets=(config.secret, *secret_forms(config.webhook_url)),
            limiter=limiter,
            connections=config.concurrency,
            within=within,
        )

    def close(self) -> None:
        self._session.close()

    def deliver(self, body: dict[str, Any]) -> Accepted:
        """Hand one contact to the workflow. A 2xx means accepted, and nothing more."""
        answer, seen = self._call("POST", body)
        if answer.text.lstrip().startswith("<"):
            reason = f"A web page came instead of n8n's answer ({answer.status})."
            raise PlatformError(reason, seen, transient=True)
        named = (answer.object.get(name) for name in RUN_IDS)
        remote_id = next((str(one) for one in named if isinstance(one, str | int) and not isinstance(one, bool)), "")
        return Accepted(remote_id, seen)

    def probe(self) -> str:
        """What n8n says to a method that the webhook does not take: it names the one that it does. Runs nothing."""
        try:
            _, seen = self._call("PATCH")
        except NotRegistered as error:
            return error.evidence.message
        return seen.message

    def _call(self, method: str, body: Any = None) -> tuple[Answer, Evidence]:
        answer = self._session.request(method, "", json=body)
        message = self._said(answer)
        code = self._session.clean(_text(answer.object.get("code")))
        seen = evidence(answer, code=code, message=message, request_id="")
        if 200 <= answer.status < 300:
            return answer, seen
        raise self._session.heeded(self._error(answer, message, seen))

    def _said(self, answer: Answer) -> str:
        """n8n's own sentence. Never the whole body: outside production it holds a stack trace with server paths."""
        if answer.status < 300:
            return ""
        message = answer.object.get("message")
        words = message if isinstance(message, str) else "" if answer.object else without_markup(answer.text)
        # Secrets first, then the cut: half a path is too much, too.
        return self._session.clean(words.partition("\n")[0])[:LONGEST_WORDS]

    def _error(self, answer: Answer, message: str, seen: Evidence) -> Exception:
        """The error table. First what stops everything, then what passes, then what concerns this contact."""
        status = answer.status
        said = quoted(message)
        if status == 429:
            return slow_down("n8n", retry_after(answer), seen, longest=LONGEST_WAIT, otherwise=DEFAULT_WAIT)
        if status in (401, 403):
            advice = "The webhook's header must be Authorization with Bearer and the N8N_WEBHOOK_SECRET."
            return StopRun(f"n8n refused the secret ({status}): {said}. {advice}", seen)
        if status == 404:
            return NotRegistered(f"n8n knows no active workflow at N8N_WEBHOOK_URL (404): {said}.", seen, answer.turn)
        if status == 405:
            return StopRun(f"What is at N8N_WEBHOOK_URL takes no POST (405): {said}.", seen)
        if status == 500 and message == "Error in workflow":
            reason = "The workflow in n8n failed (500). Its list of executions says why."
            return PlatformError(reason, seen, transient=True)
        passing = in_trouble("n8n", status, message) or redirected("n8n", status, "N8N_WEBHOOK_URL")
        if passing:
            return PlatformError(passing, seen, transient=True)
        return PlatformError(f"n8n refused it ({status}): {said}.", seen)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""
