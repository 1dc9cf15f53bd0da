from django.urls import re_path

from curation_sdk.routers import OptionalSlashRouter
from n8n_sync.viewsets import N8nSyncViewSet
from n8n_sync.webhooks import EnrichmentComplete, WebhookHealth

router = OptionalSlashRouter()
router.register("contacts/n8n", N8nSyncViewSet, basename="n8n-sync")
urlpatterns = [
    # Old workflows write them with a slash at the end, or two.
    re_path(r"^webhooks/n8n/enrichment-complete/*$", EnrichmentComplete.as_view(), name="n8n-enrichment-complete"),
    re_path(r"^webhooks/n8n/health/*$", WebhookHealth.as_view(), name="n8n-webhook-health"),
    *router.urls,
]
