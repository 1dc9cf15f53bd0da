"""n8n as one of the sandbox's platforms: a webhook as callers see it, and the callbacks of its workflow.

What each answer looks like was seen on n8n 1.123. The words are n8n's where a client may read them.
"""

import hmac
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.limits import Clock
from sandbox.messages import BadRequest, JsonObject, JsonValue, Request, Response, json_response, parse_json
from sandbox.n8n.callbacks import Call, Callbacks, CallRecord
from sandbox.n8n.workflow import PATH, SETTINGS, Execution, Workflow
from sandbox.platform import PageContact, StandIn
from sandbox.settings import changed, shown

_HINT = (
    "The workflow must be active for a production URL to run successfully. You can activate the workflow using the "
    "toggle in the top-right of the editor."
)
_TEST_HINT = "Click the 'Execute workflow' button on the canvas, then try again. (It works for one call only.)"


class N8n(StandIn[Execution]):
    """n8n's stand-in.

    For tests, besides what all have: `executions`, `callbacks`, `wait_for_callbacks()`, `kill()`,
    `listen_for_test_event()`.
    """

    name = "n8n"
    slug = "n8n"
    prefix = "/n8n"
    kinds = SETTINGS

    def __init__(self, workflow: Workflow, lock: threading.RLock, clock: Clock, now: Callable[[], float]) -> None:
        super().__init__(lock)
        self.workflow = workflow
        self._calls = Callbacks(self.workflow.retry_wait_seconds)
        self._executions: list[Execution] = []
        self._clock, self._now = clock, now
        self._live_at = clock()
        self._listening = False

    # --- for tests ------------------------------------------------------------------------------------------

    @property
    def executions(self) -> list[Execution]:
        """Every run of the workflow, oldest first."""
        with self._lock:
            return list(self._executions)

    @property
    def callbacks(self) -> list[CallRecord]:
        """Every try of a callback, oldest first."""
        return self._calls.made()

    def wait_for_callbacks(self, tries: int, timeout: float = 5.0) -> list[CallRecord]:
        """The tries of callbacks, once there are so many."""
        return self._calls.wait(tries, timeout)

    def kill(self) -> None:
        """As `kill -9` and a new start do: running executions are marked crashed and never resumed."""
        self._calls.forget()

    def listen_for_test_event(self) -> None:
        """The button that makes the test URL work, for one call."""
        with self._lock:
            self._listening = True

    def stop(self) -> None:
        """No further callbacks."""
        self._calls.stop()

    # --- for the server -------------------------------------------------------------------------------------

    def handle(self, request: Request, parts: list[str]) -> Response:
        """Is the webhook there, can the body be read, may the caller call? Then the workflow runs."""
        if parts in (["healthz"], ["healthz", "readiness"]):
            return json_response(200, {"status": "ok"})
        if refusal := self._not_registered(request.method, parts):
            return refusal
        if len(request.body) > self.workflow.payload_limit:
            return self.error(500, "There was a problem executing the workflow", code=0)
        try:
            body = _body(request)
        except BadRequest:
            hint = "Invalid JSON was sent. Check the body."
            return self.error(422, "Failed to parse request body", code=422, hint=hint)
        secret = self.workflow.secret
        given = request.headers.get("authorization", "")
        if secret and not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
            return Response(
                403, b"Authorization data is wrong!", "text/html", [("WWW-Authenticate", 'Basic realm="Webhook"')]
            )
        return self._run(body)

    def _not_registered(self, method: str, parts: list[str]) -> Response | None:
        if parts == ["webhook-test", PATH]:
            if method == "POST" and self._listening:
                self._listening = False
                return None
            return self.error(404, f'The requested webhook "{PATH}" is not registered.', code=404, hint=_TEST_HINT)
        live = self.workflow.active and self._clock() >= self._live_at
        if parts == ["webhook", PATH] and live:
            if method == "POST":
                return None
            mean = "Did you mean to make a POST request?"
            return self.error(404, f"This webhook is not registered for {method} requests. {mean}", code=404)
        path = "/".join(parts[1:])
        return self.error(404, f'The requested webhook "{method} {path}" is not registered.', code=404, hint=_HINT)

    def _run(self, body: JsonObject) -> Response:
        execution = Execution(len(self._executions) + 1, body, self._now())
        self._executions.append(execution)
        workflow = self.workflow
        if not workflow.workflow_fails and workflow.callback_url:
            call = Call(workflow.callback_url, workflow.secret, lambda: self._report(execution))
            for copy in range(workflow.callback_copies):
                self._calls.later(workflow.callback_delay_seconds * (copy + 1), call)
        if workflow.mode == "lastNode":
            failed = json_response(500, {"message": "Error in workflow"})
            return failed if workflow.workflow_fails else json_response(200, self._report(execution))
        if workflow.mode == "responseNode":
            return json_response(202, {"execution_id": str(execution.id)})
        return json_response(200, {"message": "Workflow was started"})

    def _report(self, execution: Execution) -> JsonObject:
        """What the workflow found out, as it reports it: evaluated anew each time, so the timestamp changes."""
        status = self.workflow.callback_status
        report: JsonObject = {
            "contact_id": execution.text("contact_id"),
            "delivery_id": execution.text("delivery_id"),
            "enrichment_id": f"n8n-{execution.id}",
            "status": status,
            "timestamp": datetime.fromtimestamp(self._now(), UTC).isoformat().replace("+00:00", "Z"),
            "metadata": {"enrichment_duration_seconds": 0.1, "api_calls_made": 1, "cost_estimate": None},
        }
        if status == "failed":
            return {**report, "error": "The sandbox found nothing", "enriched_data": None}
        company: JsonObject = {"name": f"Company of {execution.email}", "website": None}
        data: JsonObject = {"phone": "+1-555-0100", "company": company, "confidence_score": 80, "sources": ["sandbox"]}
        return {**report, "enriched_data": data}

    def error(self, status: int, message: str, *, code: int | None = None, hint: str = "") -> Response:
        """n8n's error body. Outside NODE_ENV=production it holds a stack trace with the server's paths."""
        body: JsonObject = {"code": status if code is None else code, "message": message}
        if hint:
            body["hint"] = hint
        if self.workflow.development:
            body["stacktrace"] = f"Error: {message}\n    at /usr/lib/n8n/src/webhooks/live-webhooks.ts:104"
        return json_response(status, body)

    def fault(self, kind: str, reset_after: int) -> Response:
        """n8n's own answer for a fault; 429 and 503 come from a proxy before it, 401 from basic authentication."""
        if kind == "429":
            return Response(429, b"", headers=[("Retry-After", str(reset_after))])
        if kind in ("401", "401_ip"):
            return Response(401, b"Authorization is required!", "text/html")
        if kind in ("503", "425"):
            return Response(int(kind), b"")
        return json_response(500, {"message": "Error in workflow"})

    def reset(self) -> None:
        """A fresh database: no executions, so their ids start again. Settings stay."""
        super().reset()
        self._executions.clear()
        self._calls.forget(made=True)
        self._listening = False

    def settings(self) -> JsonObject:
        return shown(SETTINGS, self.workflow, "n8n_")

    def change(self, settings: JsonObject) -> None:
        self.workflow = changed(self.workflow, settings, "n8n_")
        self._calls.wait_between_tries = self.workflow.retry_wait_seconds
        if "n8n_starting_seconds" in settings:
            self._live_at = self._clock() + self.workflow.starting_seconds

    def counts(self) -> dict[str, JsonValue]:
        made = self._calls.made()
        refused = sum(not 200 <= record.status < 300 for record in made)
        return {"contacts": len(self._executions), "callbacks": len(made), "callbacks_refused": refused}

    def everybody(self) -> list[Execution]:
        return list(self._executions)

    def for_page(self, one: Execution) -> PageContact:
        shown = {name: str(value) for name, value in one.body.items() if name != "email" and value is not None}
        return PageContact(
            id=str(one.id),
            address=one.email or "(no address)",
            attributes=shown,
            lists=[],
            blocked=False,
            created=one.received,
            modified=one.received,
            can_unsubscribe=False,
        )

    def block(self, contact_id: str) -> bool:
        """Nobody unsubscribes from a workflow."""
        return False


def _body(request: Request) -> JsonObject:
    """The body as the workflow sees it. Without a JSON content type it is taken for a form: one odd field."""
    if "json" not in request.headers.get("content-type", ""):
        return {request.body.decode("utf-8", "replace"): ""} if request.body else {}
    value = parse_json(request.body) if request.body else {}
    return value if isinstance(value, dict) else {"data": value}
