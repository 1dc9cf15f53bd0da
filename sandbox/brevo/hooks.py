"""Handlers for webhooks: `/webhooks` and `/webhooks/{webhookId}`. See the reference page "Create a webhook"."""

from sandbox.brevo.account import Account
from sandbox.brevo.errors import invalid, missing, not_found
from sandbox.brevo.reading import flag, number, object_body, text
from sandbox.brevo.webhook import Webhook
from sandbox.messages import JsonObject, Request, Response, json_response
from sandbox.routing import Params

MOST = 40

#: What can be registered, by type. Events come under other names; see `sandbox.brevo.events`.
_EVENTS = {
    "marketing": {
        *("unsubscribed", "hardBounce", "softBounce", "spam", "delivered", "opened", "click"),
        *("contactUpdated", "contactDeleted", "listAddition"),
    },
    "transactional": {
        *("unsubscribed", "hardBounce", "softBounce", "spam", "delivered", "opened", "click"),
        *("request", "sent", "blocked", "invalid", "deferred", "uniqueOpened"),
    },
    "inbound": {"inboundEmailProcessed"},
}


def list_webhooks(account: Account, request: Request, params: Params) -> Response:
    """`GET /webhooks`: those of one type, `transactional` unless another is named."""
    kind = request.query().get("type", ["transactional"])[-1]
    if kind not in _EVENTS:
        raise invalid(f"type must be one of {', '.join(_EVENTS)}")
    return json_response(200, {"webhooks": [one.as_json() for one in account.webhooks.values() if one.type == kind]})


def create_webhook(account: Account, request: Request, params: Params) -> Response:
    """`POST /webhooks`: 201 with the number."""
    body = object_body(request)
    if text(body, "url") is None:
        raise missing("url is missing")
    if len(account.webhooks) >= MOST:
        raise invalid(f"An account has at most {MOST} webhooks")
    kind = text(body, "type") or "transactional"
    if kind not in _EVENTS:
        raise invalid(f"type must be one of {', '.join(_EVENTS)}")
    now = account.store.now()
    made = Webhook(max(account.webhooks, default=500) + 1, kind, "", [], now, now)
    _change(made, body)
    if not made.events:
        raise missing("events is missing")
    account.webhooks[made.id] = made
    return json_response(201, {"id": made.id})


def read_webhook(account: Account, request: Request, params: Params) -> Response:
    """`GET /webhooks/{webhookId}`."""
    return json_response(200, _find(account, params).as_json())


def update_webhook(account: Account, request: Request, params: Params) -> Response:
    """`PUT /webhooks/{webhookId}`: 204; what the body does not name stays."""
    found = _find(account, params)
    _change(found, object_body(request))
    found.modified_at = account.store.now()
    return Response(204)


def delete_webhook(account: Account, request: Request, params: Params) -> Response:
    """`DELETE /webhooks/{webhookId}`: 204."""
    del account.webhooks[_find(account, params).id]
    return Response(204)


def _find(account: Account, params: Params) -> Webhook:
    found = account.webhooks.get(number(params["webhook_id"], "The webhook id must be a number"))
    if found is None:
        raise not_found("Webhook ID does not exist")
    return found


def _change(webhook: Webhook, body: JsonObject) -> None:
    url = text(body, "url") or webhook.url
    if not url.startswith(("https://", "http://")):
        raise invalid("url must be a URL")
    events = body.get("events", [*webhook.events])
    if not isinstance(events, list) or not set(map(str, events)) <= _EVENTS[webhook.type]:
        raise invalid(f"events must be some of {', '.join(sorted(_EVENTS[webhook.type]))}")
    auth = body.get("auth")
    if auth is not None and not (isinstance(auth, dict) and auth.get("type") == "bearer" and text(auth, "token")):
        raise invalid("auth must be a type, bearer, and a token")
    webhook.url, webhook.events = url, [str(event) for event in events]
    webhook.description = text(body, "description") or webhook.description
    if isinstance(auth, dict):
        webhook.token = str(auth["token"])
    batched = flag(body, "batched")
    webhook.batched = webhook.batched if batched is None else batched
