"""Brevo's bulk actions on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from brevo_sync.job import BREVO
from contacts.models import Contact
from curation_sdk import admin_actions

Admin = admin.ModelAdmin[Any]
Answer = HttpResponse | None


@admin.action(description="Queue for Brevo", permissions=["push"])
def queue_for_brevo(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.queue(BREVO, model_admin, request, contacts)


@admin.action(description="Retry failed for Brevo", permissions=["push"])
def retry_failed_for_brevo(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.retry_failed(BREVO, model_admin, request, contacts)


@admin.action(description="Skip for Brevo", permissions=["push"])
def skip_for_brevo(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.skip(BREVO, model_admin, request, contacts)


@admin.action(description="Take out of the queue for Brevo", permissions=["push"])
def take_out_of_brevo(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.take_out(BREVO, model_admin, request, contacts)
