"""n8n's bulk actions on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from contacts.models import Contact
from curation_sdk import admin_actions
from n8n_sync.job import N8N

Admin = admin.ModelAdmin[Any]
Answer = HttpResponse | None


@admin.action(description="Queue for n8n", permissions=["push"])
def queue_for_n8n(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.queue(N8N, model_admin, request, contacts)


@admin.action(description="Retry failed for n8n", permissions=["push"])
def retry_failed_for_n8n(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.retry_failed(N8N, model_admin, request, contacts)


@admin.action(description="Skip for n8n", permissions=["push"])
def skip_for_n8n(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.skip(N8N, model_admin, request, contacts)


@admin.action(description="Take out of the queue for n8n", permissions=["push"])
def take_out_of_n8n(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.take_out(N8N, model_admin, request, contacts)
