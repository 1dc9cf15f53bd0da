from curation_sdk.routers import OptionalSlashRouter
from hubspot_sync.viewsets import HubSpotSyncViewSet

router = OptionalSlashRouter()
router.register("contacts/hubspot", HubSpotSyncViewSet, basename="hubspot-sync")
urlpatterns = router.urls
