from contacts.suppression_api import SuppressionViewSet
from contacts.viewsets import ContactViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts", ContactViewSet, basename="contact")
router.register("suppressions", SuppressionViewSet, basename="suppression")
urlpatterns = router.urls
