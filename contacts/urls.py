from contacts.viewsets import ContactViewSet
from curation_sdk.routers import OptionalSlashRouter

router = OptionalSlashRouter()
router.register("contacts", ContactViewSet, basename="contact")
urlpatterns = router.urls
