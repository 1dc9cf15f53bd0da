from mautic_sync.viewsets import MauticSyncViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts/mautic", MauticSyncViewSet, basename="mautic-sync")
urlpatterns = router.urls
