"""Drafts out of a file, by a page: `file` (CSV or JSON), `keep_good` (import the good rows all the same)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import Error as DatabaseRefusal
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views import View

from social.admin.post_actions import DATABASE_WORDS, actor_of, log
from social.importing import LARGEST, BadRow, import_posts
from social.models.channel import NETWORK_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from social.admin.posts import PostAdmin

SHOWN = 200
"""More bad rows than that are counted."""


class ImportView(View):
    """Asks for a file, imports it, and tells each bad row with its line."""

    http_method_names = ["get", "post"]
    post_admin: PostAdmin = None  # type: ignore[assignment]  # given to as_view()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not self.post_admin.has_add_permission(request):
            raise PermissionDenied("Importing drafts is for an author or an approver.")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        file = request.FILES.get("file")
        if file is None:
            return self._page(request, wrong="Choose a file: CSV or JSON.")
        keep = "keep_good" in request.POST
        try:
            outcome = import_posts(file.read(LARGEST + 1), file.name or "", actor_of(request), keep_good=keep)
        except DatabaseRefusal:
            log.exception("the database refused an import")
            return self._page(request, wrong=DATABASE_WORDS)
        number = len(outcome.made)
        if number:
            messages.success(request, f"{number:,} draft{'' if number == 1 else 's'} made from {file.name}.")
        if not outcome.bad:
            drafts = f"{reverse('admin:social_post_changelist')}?status__exact=draft"
            return HttpResponseRedirect(drafts)
        return self._page(request, bad=outcome.bad, made=number, name=file.name or "")

    def _page(
        self,
        request: HttpRequest,
        *,
        bad: Sequence[BadRow] = (),
        made: int = 0,
        name: str = "",
        wrong: str = "",
    ) -> HttpResponse:
        context = {
            **self.post_admin.admin_site.each_context(request),
            "title": "Import drafts",
            "crumb": {"link": reverse("admin:social_post_changelist"), "words": "Posts"},
            "is_fullwidth": "1",
            "bad": bad[:SHOWN],
            "number": len(bad),
            "more": max(0, len(bad) - SHOWN),
            "made": made,
            "name": name,
            "wrong": wrong,
            "keep_good": "keep_good" in request.POST,
            "some_network": next(iter(NETWORK_NAMES)),
        }
        status = 422 if wrong or bad else 200
        return render(request, "social/import.html", context, status=status)
