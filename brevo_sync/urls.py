from brevo_sync.viewsets import BrevoSyncViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts/brevo", BrevoSyncViewSet, basename="brevo-sync")
urlpatterns = router.urls
