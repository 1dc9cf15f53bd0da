from curation_sdk.routers import OptionalSlashRouter
from mautic_sync.viewsets import MauticSyncViewSet

router = OptionalSlashRouter()
router.register("contacts/mautic", MauticSyncViewSet, basename="mautic-sync")
urlpatterns = router.urls
