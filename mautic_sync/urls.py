from django.urls import re_path

from curation_sdk.routers import OptionalSlashRouter
from mautic_sync.receiving import webhook
from mautic_sync.viewsets import MauticSyncViewSet

router = OptionalSlashRouter()
router.register("contacts/mautic", MauticSyncViewSet, basename="mautic-sync")
urlpatterns = [re_path(r"^contacts/mautic/webhook/?$", webhook, name="mautic-webhook"), *router.urls]
