"""Mautic's bulk actions on contacts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from contacts.models import Contact
from curation_sdk import admin_actions
from mautic_sync.job import MAUTIC

Admin = admin.ModelAdmin[Any]
Answer = HttpResponse | None


@admin.action(description="Queue for Mautic", permissions=["push"])
def queue_for_mautic(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.queue(MAUTIC, model_admin, request, contacts)


@admin.action(description="Retry failed for Mautic", permissions=["push"])
def retry_failed_for_mautic(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> Answer:
    return admin_actions.retry_failed(MAUTIC, model_admin, request, contacts)


@admin.action(description="Skip for Mautic", permissions=["push"])
def skip_for_mautic(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.skip(MAUTIC, model_admin, request, contacts)


@admin.action(description="Take out of the queue for Mautic", permissions=["push"])
def take_out_of_mautic(model_admin: Admin, request: HttpRequest, contacts: QuerySet[Contact]) -> None:
    admin_actions.take_out(MAUTIC, model_admin, request, contacts)
