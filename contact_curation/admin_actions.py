"""Curation's bulk action on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from contact_curation.job import CURATION
from contacts.models import Contact
from curation_sdk import admin_actions


@admin.action(description="Queue for curation", permissions=["curate"])
def queue_for_curation(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Contact]
) -> HttpResponse | None:
    return admin_actions.queue(CURATION, model_admin, request, contacts)


@admin.action(description="Take out of the queue for curation", permissions=["curate"])
def take_out_of_curation(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Contact]
) -> None:
    admin_actions.take_out(CURATION, model_admin, request, contacts)
