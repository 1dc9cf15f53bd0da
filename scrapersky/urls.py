"""Every address of the project. One include for each platform, before the contacts' own."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from scrapersky.api import api_not_found
from scrapersky.health import health

admin.site.site_header = "ScraperSky contact sync"
admin.site.site_title = "ScraperSky"
admin.site.index_title = "Contacts and their way into the platforms"

handler500 = "scrapersky.errors.error_500"


def home(request: HttpRequest) -> HttpResponse:
    """The admin is where people work."""
    return HttpResponseRedirect("/admin/contacts/contact/")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", home),
    path("admin/sync/privacy/", include("erasure.urls")),
    path("admin/sync/", include("sync_admin.urls")),
    path("admin/", admin.site.urls),
    re_path(r"^health/?$", health, name="health"),
    re_path(r"^api/token/?$", TokenObtainPairView.as_view(), name="token"),
    re_path(r"^api/token/refresh/?$", TokenRefreshView.as_view(), name="token-refresh"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerView.as_view(url_name="schema", metadata_class=None), name="docs"),
    path("api/v3/", include("contact_curation.urls")),
    path("api/v3/", include("brevo_sync.urls")),
    path("api/v3/", include("hubspot_sync.urls")),
    path("api/v3/", include("mautic_sync.urls")),
    path("api/v3/", include("n8n_sync.urls")),
    path("api/v3/", include("contacts.urls")),
    re_path(r"^api/", api_not_found),
]
