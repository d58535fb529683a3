"""The audit trail of all posts: read, narrowed and exported, never written here.

Names for scripts: `q` (a person, a name for us, a post's id), `what` (a key of `audit.KINDS`), `from` and
`to` (`2026-11-24`, by the shop's clock, both included), `before` (an entry's id: what is older), `format`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.admin import ModelAdmin

from social import audit
from social.admin.timeline import Moment, told
from social.models import Event

PAGE = 100
MOST = 10_000
"""No count goes further; an export has all."""
WORDS = {
    "decisions": "Decisions",
    "writing": "Writing",
    "stopped": "Stopped",
    "sent": "Sent",
    "trouble": "Trouble",
}


@dataclass(frozen=True)
class Asked:
    """What the address narrows by; `wrong` says what of it cannot be understood."""

    q: str
    what: str
    first: date | None
    last: date | None
    wrong: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        wrong, days = "", []
        for name in ("from", "to"):
            written = request.GET.get(name, "").strip()
            try:
                days.append(date.fromisoformat(written) if written else None)
            except ValueError:
                wrong = f"“{written[:20]}” is not a day: write it like 2026-11-24."
                days.append(None)
        first, last = days
        if first and last and first > last:
            wrong = "The last day is before the first one."
        what = request.GET.get("what", "")
        q = request.GET.get("q", "").replace("\x00", "").strip()[:200]
        return cls(q, what if what in audit.KINDS else "", first, last, wrong)

    def events(self) -> QuerySet[Event]:
        if self.wrong:
            return Event.objects.none()
        found = audit.events(self.first, self.last, kind=self.what)
        if self.q:
            fits = Q(actor_name__icontains=self.q) | Q(post__title__icontains=self.q)
            if self.q.isascii() and self.q.isdecimal() and len(self.q) < 19:
                fits |= Q(post=int(self.q))
            found = found.filter(fits)
        return found


@dataclass(frozen=True)
class Line:
    """One entry; `day` is "" where it is that of the line before."""

    event: Event
    day: str
    at: datetime
    told: Moment

    @property
    def program(self) -> bool:
        return not self.event.is_person

    @property
    def content_hash(self) -> str:
        return str(self.event.data.get("content_hash") or "")


@admin.register(Event)
class TrailAdmin(ModelAdmin):
    """Nobody adds, changes or deletes an entry: the database itself refuses it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        return [path("export/", export, name="social_event_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        self._may(request)
        asked = Asked.of(request)
        found = asked.events()
        before = request.GET.get("before", "")
        shown = found.select_related("post__revision").order_by("-id")
        if before.isascii() and before.isdecimal() and len(before) < 19:
            shown = shown.filter(pk__lt=int(before))
        events = list(shown[: PAGE + 1])
        number = found.order_by().values("pk")[:MOST].count()
        query = request.GET.copy()
        query.pop("before", None)
        context = {
            **self.admin_site.each_context(request),
            "title": "Audit trail",
            "is_fullwidth": "1",
            "asked": asked,
            "kinds": WORDS.items(),
            "lines": _lines(events[:PAGE]),
            "number": f"{number:,}{'+' if number >= MOST else ''}",
            "one": number == 1,
            "older": events[PAGE - 1].pk if len(events) > PAGE else None,
            "query": query.urlencode(),
            "narrowed": bool(asked.q or asked.what or asked.first or asked.last),
        }
        return TemplateResponse(request, "admin/social/event/trail.html", context)

    def changeform_view(  # type: ignore[override]
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        raise Http404("An entry has no page of its own: it stands in the trail.")

    def export(self, request: HttpRequest) -> HttpResponse:
        """What the page narrows to, all of it, as CSV or JSON. Reads alone."""
        self._may(request)
        asked, out = Asked.of(request), StringIO()
        if asked.wrong:
            raise Http404(asked.wrong)
        as_json = request.GET.get("format") == "json"
        (audit.write_json if as_json else audit.write_csv)(asked.events(), out)
        kind, name = ("application/json", "json") if as_json else ("text/csv; charset=utf-8", "csv")
        answer = HttpResponse(out.getvalue(), content_type=kind)
        answer.headers["Content-Disposition"] = f'attachment; filename="audit.{name}"'
        return answer

    def _may(self, request: HttpRequest) -> None:
        if not request.user.has_perm("social.view_event"):
            raise PermissionDenied("The audit trail is for authors, approvers and operators.")


def _lines(events: Sequence[Event]) -> list[Line]:
    lines, last, today = [], None, timezone.localdate()
    for event in events:
        local = timezone.localtime(event.created_at)
        day = ""
        if local.date() != last:
            last = local.date()
            near = {0: "Today, ", 1: "Yesterday, "}.get((today - last).days, "")
            year = "" if last.year == today.year else f" {last.year}"
            day = f"{near}{last:%A} {last.day} {last:%B}{year}"
        lines.append(Line(event, day, event.created_at, told(event)))
    return lines
