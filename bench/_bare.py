"""HotDash's addresses and one more: `/bare` sends the bytes of a file, and does nothing else."""

import os
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path

from hotdash.urls import handler403, handler404, handler500, urlpatterns

__all__ = ["handler403", "handler404", "handler500", "urlpatterns"]
_BYTES = Path(os.environ.get("BARE_BYTES", os.devnull)).read_bytes()


def _bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_BYTES, content_type="application/json")


urlpatterns = [*urlpatterns, path("bare", _bare)]
