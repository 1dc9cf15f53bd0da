"""The secret that n8n and we share: `Authorization: Bearer …`, both ways."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from contacts.permissions import PUSH, SyncPermissions, refusal

#: What `request.auth` is for n8n.
N8N = "n8n"


def knows_secret(header: str) -> bool:
    """Does the header hold the secret? Nobody knows one that is not set. Every wrong one takes the same time."""
    scheme, _, given = header.strip().partition(" ")
    secret: str = settings.N8N_WEBHOOK_SECRET
    right = hmac.compare_digest(given.strip().encode(), secret.encode())
    return right and bool(secret) and scheme.lower() == "bearer"


class SharedSecret(BaseAuthentication):
    """Lets n8n in by the secret; whoever has another header is left to the other authentications."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, str] | None:
        return (AnonymousUser(), N8N) if knows_secret(request.headers.get("Authorization", "")) else None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SharedSecretScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """For the API's description."""

    target_class = SharedSecret
    name = "n8nSecret"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The N8N_WEBHOOK_SECRET."}


class IsN8n(SyncPermissions):
    """n8n by its secret. A person too, who may queue contacts: to fetch one takes it out of the queue."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth == N8N:
            return True
        if not super().has_permission(request, view):
            return False
        self.message = refusal(PUSH)
        return request.user.has_perm(PUSH)


class AnyAnswer(BaseContentNegotiation):
    """JSON, whatever the caller says he accepts: n8n sends a long list, other programs none."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
