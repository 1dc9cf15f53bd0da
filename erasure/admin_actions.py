"""The bulk action on contacts that leads to the page on which people are erased."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from contacts.models import Contact

#: People who are erased at once. Whoever has more to erase uses the command.
MOST = 10


@admin.action(description="Erase these people", permissions=["erase"])
def erase_people(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, contacts: QuerySet[Contact]
) -> HttpResponse | None:
    """Show what would go, for a person to confirm. Erases nobody."""
    ids = [str(one) for one in contacts.order_by("-created_at", "-pk").values_list("pk", flat=True)[: MOST + 1]]
    if len(ids) > MOST:
        text = f'Nobody was erased: choose at most {MOST} contacts. For more there is "manage.py erase_contact".'
        messages.error(request, text)
        return None
    return HttpResponseRedirect(f"{reverse('privacy-erase')}?{urlencode({'contact': ids}, doseq=True)}")
