"""What every answer carries, and the time zone in which a person reads."""

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, DisallowedHost, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from hotdash import errors
from hotdash.health import PROBES

Next = Callable[[HttpRequest], HttpResponse]

_COMMON = (
    "default-src 'none'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; "
)
# Unfold's pages run on Alpine's standard build, which evaluates expressions; nothing outside /admin/ does.
_ADMIN = _COMMON + "script-src 'self' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'"
_STRICT = _COMMON + "script-src 'self'; style-src 'self'"


class Probes:
    """Health checks come first: who asks names the process by an address that no ALLOWED_HOSTS knows, and
    speaks plain HTTP."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        return probe(request) if probe else self.get_response(request)


class ContentSecurityPolicy:
    """The tightest policy under which the pages work."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = _ADMIN if request.path.startswith("/admin/") else _STRICT
        response.headers.setdefault("Content-Security-Policy", policy)
        return response


class PersonsTimeZone:
    """Time is UTC inside; at the edge it is the person's zone, told by the browser, or the shop's."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get("timezone", "")
        try:
            zone = zoneinfo.ZoneInfo(name or settings.SHOP_TIME_ZONE)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            zone = zoneinfo.ZoneInfo(settings.SHOP_TIME_ZONE)
        with timezone.override(zone):
            return self.get_response(request)


class ErrorsInWords:
    """What a page fails with is told in words, in development too: the traceback goes to the log alone.

    Stands before all that can fail. Where the database is away nothing more is asked of it. The
    API has its own words.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            request.get_host()
        except DisallowedHost:
            return errors.unknown_host(request)
        response = self.get_response(request)
        technical = settings.DEBUG and response.status_code == 404 and not response.streaming
        if technical and b"DEBUG = True" in response.content:
            return errors.not_found(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None
        if isinstance(exception, errors.DATABASE_AWAY):
            return errors.database_away(request)
        if isinstance(exception, Http404):
            return errors.not_found(request, exception)
        if isinstance(exception, PermissionDenied | SuspiciousOperation | BadRequest):
            return None  # Django answers these by our own pages
        return errors.fault(request)
