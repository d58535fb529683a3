"""Pictures and their thumbnails, for signed-in staff."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin

from social.models import Media


@admin.register(Media)
class MediaAdmin(ModelAdmin):
    """Two addresses a picture, and no screen: pictures come and go with the posts that show them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        # Cacheable: the bytes under one SHA-256 never change.
        view = self.admin_site.admin_view
        return [
            path("<str:sha256>/", view(content, cacheable=True), name="social_media_content"),
            path("<str:sha256>/thumbnail/", view(thumbnail, cacheable=True), name="social_media_thumbnail"),
        ]


@require_safe
def content(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """The picture as it is published."""
    return _picture(request, sha256, "content")


@require_safe
def thumbnail(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """A small WebP of it."""
    return _picture(request, sha256, "thumbnail")


def _picture(request: HttpRequest, sha256: str, field: str) -> HttpResponse:
    if not request.user.has_perm("social.view_post"):
        raise PermissionDenied
    etag = f'"{sha256}-{field}"'
    found = Media.objects.filter(sha256=sha256)
    if etag in parse_etags(request.headers.get("If-None-Match", "")) and found.exists():
        return _kept(HttpResponseNotModified(), etag)
    row = Media.objects.with_bytes().filter(sha256=sha256).values_list(field, "content_type").first()
    if row is None:
        raise Http404("There is no such picture.")
    data, content_type = row
    answer = HttpResponse(bytes(data), content_type="image/webp" if field == "thumbnail" else content_type)
    return _kept(answer, etag)


def _kept(answer: HttpResponse, etag: str) -> HttpResponse:
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    # Opened on its own, a picture is a picture: nothing in it runs, loads or is framed.
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
