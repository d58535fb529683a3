"""The home page: what needs a person now, what goes out next, what went out, and the switch of publishing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Min, Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from hotdash import bar, figures
from hotdash.chart import chart
from hotdash.needs import ROWS, needs_of, shown, wanted
from integrations.notices import Notice
from social import workflow
from social.admin import pausing
from social.admin.limits import limits
from social.explain import span
from social.models import Delivery, Post
from social.publishing import providers, watch

S, D = Post.Status, Delivery.Status

CAP = 99
"""What is more is told as "99+": counting on would read the whole table."""


@dataclass(frozen=True)
class Tile:
    """One count, its glyph and tone, the line under it, and the list that it counts."""

    tone: str
    glyph: str
    title: str
    count: str
    words: str
    link: str

    @property
    def icon(self) -> str:
        return f"s-{self.glyph}"


def context(request: HttpRequest) -> dict[str, Any]:
    """What home shows. The number of queries does not grow with the posts."""
    seen = bar.read(request)
    user, others = request.user, providers.connected()
    page: dict[str, Any] = {
        "is_fullwidth": "1",
        "today": timezone.localtime(),
        "may_add": user.has_perm("social.add_post"),
        "may_see": user.has_perm("social.view_post"),
        "may_pause": user.has_perm("social.pause_publishing"),
        "may_see_connection": user.has_perm("integrations.view_connection"),
        "engine": seen.situation.engine if seen.situation else None,
        "limits": limits(seen.situation, others),
    }
    if page["may_see_connection"]:
        page["notices"] = list(
            Notice.objects.filter(over_at=None, connection__isnull=False).select_related("connection")[:ROWS]
        )
    if page["may_see"] and seen.situation:
        now = seen.situation.now
        counts, ids, due = _counts(now), wanted(now), _due(now)
        posts = shown([*due, *(pk for of_kind in ids.values() for pk in of_kind)])
        bar.know(request, waiting=counts.waiting, failed=counts.failed, unsure=counts.unsure)
        page |= {
            "tiles": _tiles(counts, now),
            "needs": needs_of(user, seen.situation, ids, posts, _told(counts.waiting), counts.waiting > 1),
            "due": [Due(posts[pk], _day(posts[pk].scheduled_at)) for pk in due if pk in posts],
            "alarms": [(watch.headline(one), one.words) for one in seen.seen.alarms] if seen.seen else [],
            "chart": chart(),
            "soon": counts.soon,
            "last_sent": _last_sent(),
            "figures": figures.cards(others, now),
        }
    return page


# ------------------------------------------------------------------------------------------ counts
@dataclass(frozen=True)
class Counts:
    """`unsure_since`, `first_due`: the moments that the lines under the counts name; `soon`: how many posts
    go out within the hour."""

    waiting: int
    unsure: int
    failed: int
    soon: int
    unsure_since: datetime | None
    first_due: datetime | None


def _counts(now: datetime) -> Counts:
    """Three queries, none of which reads what is over."""
    by_time = F("scheduled_at").asc(nulls_last=True)
    waiting = (
        Post.objects.filter(status=S.PENDING)
        .order_by(by_time)[: CAP + 1]
        .aggregate(n=Count("pk"), first=Min("scheduled_at"))
    )
    failed = Post.objects.filter(status=S.FAILED).order_by().values("pk")[: CAP + 1].count()
    on_its_way = [D.QUEUED, D.SENDING, D.ACCEPTED, D.SCHEDULED]
    deliveries = Delivery.objects.filter(status__in=[*on_its_way, D.UNCONFIRMED]).aggregate(
        unsure=Count("post", distinct=True, filter=Q(status=D.UNCONFIRMED)),
        since=Min("goes_at", filter=Q(status=D.UNCONFIRMED)),
        soon=Count(
            "post", distinct=True, filter=Q(status__in=on_its_way, due_at__lte=now + timedelta(hours=1))
        ),
    )
    return Counts(
        waiting=waiting["n"],
        unsure=deliveries["unsure"],
        failed=failed,
        soon=deliveries["soon"],
        unsure_since=deliveries["since"],
        first_due=waiting["first"],
    )


def _told(count: int) -> str:
    return f"{CAP}+" if count > CAP else str(count)


def _tiles(counts: Counts, now: datetime) -> list[Tile]:
    posts = reverse("admin:social_post_changelist")
    return [
        Tile(
            "amber",
            "waiting",
            "Waiting for approval",
            _told(counts.waiting),
            _waiting_words(counts, now),
            f"{posts}?status__exact={S.PENDING}",
        ),
        Tile(
            "plum",
            "unsure",
            "Not confirmed",
            _told(counts.unsure),
            _unsure_words(counts, now),
            f"{posts}?label=unconfirmed",
        ),
        Tile(
            "red",
            "failed",
            "Failed",
            _told(counts.failed),
            "each needs something from you" if counts.failed else "nothing to mend",
            f"{posts}?status__exact={S.FAILED}",
        ),
    ]


def _waiting_words(counts: Counts, now: datetime) -> str:
    if not counts.waiting:
        return "nothing to decide"
    if counts.first_due is None:
        return "out as soon as they are approved"
    if counts.first_due <= now:
        return f"first was due {span((now - counts.first_due).total_seconds())} ago"
    return f"first decision within {span((counts.first_due - now).total_seconds())}"


def _unsure_words(counts: Counts, now: datetime) -> str:
    if not counts.unsure:
        return "every outcome is known"
    if counts.unsure_since and counts.unsure_since <= now:
        return f"sent {span((now - counts.unsure_since).total_seconds())} ago, outcome unknown"
    return "outcome unknown"


# --------------------------------------------------------------------------------------- due, sent
@dataclass(frozen=True)
class Due:
    """A post that has its time ahead; `day` is "" where that is today."""

    post: Post
    day: str


def _due(now: datetime) -> list[int]:
    """Ids of what goes out next, if it is approved in time."""
    ahead = Post.objects.filter(status__in=[S.PENDING, S.APPROVED, S.SCHEDULED], scheduled_at__gt=now)
    return list(ahead.order_by("scheduled_at", "id").values_list("pk", flat=True)[:ROWS])


def _day(at: datetime | None) -> str:
    local, today = timezone.localtime(at), timezone.localdate()
    days = (local.date() - today).days
    return "" if not days else "tomorrow" if days == 1 else f"{local:%a} {local.day} {local:%b}"


def _last_sent() -> datetime | None:
    return (
        Post.objects.filter(published_at__isnull=False)
        .order_by("-published_at")
        .values_list("published_at", flat=True)
        .first()
    )


# ------------------------------------------------------------------------------------- the switch
def pause(request: HttpRequest) -> HttpResponse:
    """Ask why and until when, then hold all that is not yet on its way. Does nothing by GET."""
    user = pausing.may_pause(request)
    return pausing.ask_to_pause(
        request,
        lambda reason, until: workflow.pause(user, reason, until=until),
        title="Pause publishing",
        question="Pause publishing?",
        lines=(
            "Nothing more is handed to Publer until it is switched on again. People go on writing and "
            "approving; nothing is lost.",
            "What Publer already has for later goes out there at its time: recall it, if it must not.",
        ),
        back=reverse("admin:index"),
        back_words="Home",
        done="Publishing is paused. Nothing is lost; what is already with Publer goes out there.",
    )


@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Let publishing go on; where something elapsed meanwhile, the plan comes first."""
    user = pausing.may_pause(request)
    return pausing.resumed(
        request,
        None,
        lambda: workflow.resume(user),
        back=reverse("admin:index"),
        done="Publishing is on again.",
    )
