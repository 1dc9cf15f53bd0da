"""The pages under /admin/sync/privacy/."""

from __future__ import annotations

from django.urls import path

from erasure import views

urlpatterns = [
    path("", views.privacy, name="privacy"),
    path("erase/", views.erase, name="privacy-erase"),
    path("export/", views.export, name="privacy-export"),
    path("<int:number>/", views.certificate, name="privacy-certificate"),
    path("<int:number>/json/", views.certificate_json, name="privacy-certificate-json"),
]
