"""HubSpot's bulk actions on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from contacts.models import Contact
from curation_sdk import admin_actions
from hubspot_sync.job import HUBSPOT

Admin = admin.ModelAdmin[Any]
Answer = HttpResponse | None


@admin.action(description="Queue for HubSpot", permissions=["push"])
def queue_for_hubspot(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.queue(HUBSPOT, model_admin, request, contacts)


@admin.action(description="Retry failed for HubSpot", permissions=["push"])
def retry_failed_for_hubspot(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.retry_failed(HUBSPOT, model_admin, request, contacts)


@admin.action(description="Skip for HubSpot", permissions=["push"])
def skip_for_hubspot(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.skip(HUBSPOT, model_admin, request, contacts)


@admin.action(description="Take out of the queue for HubSpot", permissions=["push"])
def take_out_of_hubspot(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.take_out(HUBSPOT, model_admin, request, contacts)
