"""What people keep of their own."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class DefaultView(models.Model):
    """What a person wants to see first in the list of contacts: its filters, search and order, as in an address."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    query = models.CharField(max_length=2000)

    class Meta:
        db_table = "default_views"
        default_permissions = ()  # everybody has his own, and no other

    def __str__(self) -> str:
        return self.query
