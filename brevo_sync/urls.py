from django.urls import re_path

from brevo_sync.receiving import webhook
from brevo_sync.viewsets import BrevoSyncViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts/brevo", BrevoSyncViewSet, basename="brevo-sync")
urlpatterns = [re_path(r"^contacts/brevo/webhook/?$", webhook, name="brevo-webhook"), *router.urls]
