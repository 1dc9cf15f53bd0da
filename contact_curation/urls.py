from contact_curation.viewsets import CurationViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts/curation", CurationViewSet, basename="curation-sync")
urlpatterns = router.urls
