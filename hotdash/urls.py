"""Addresses."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("social.api.api")),
]

handler403 = "hotdash.errors.forbidden"
handler404 = "hotdash.errors.not_found"
handler500 = "hotdash.errors.fault"
