"""The list of posts: its rows, its tabs with their counts, and a count that stops early."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import IntegerField, Prefetch, QuerySet, Subquery
from django.http import QueryDict
from django.utils.functional import cached_property

from social.explain import Situation, moment, span, waiting_for
from social.models import Approval, Channel, Delivery, Engine, Post, RevisionMedia
from social.wall_clock import beside
from social.workflow import label_of
from social.workflow.rollup import TO_COME

S, D = Post.Status, Delivery.Status
COUNTED = 10_000
"""No count goes further: the list of a million posts opens as fast as one of a hundred."""


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages through the first `COUNTED` posts; what lies beyond is found by searching."""

    template_name = "social/pagination.html"

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return int(rows.order_by().values("pk")[:COUNTED].count())
        return len(rows)

    @property
    def more(self) -> bool:
        """Whether there may be more than was counted."""
        return self.count >= COUNTED


def drawn(posts: QuerySet[Post]) -> QuerySet[Post]:
    """With everything that a row shows, in a number of queries that does not grow with the rows."""
    return posts.select_related("author", "token", "revision").prefetch_related(
        "revision__channels",
        Prefetch("revision__revision_media", RevisionMedia.objects.order_by("position")),
        Prefetch("deliveries", Delivery.objects.select_related("channel", "connection")),
        Prefetch("approvals", Approval.objects.select_related("user", "kept_from")),
    )


@dataclass(frozen=True)
class Row:
    """One post as the list shows it. `pill` is the label beside its status where there is one."""

    post: Post
    pill: str
    words: str
    when: str
    when_more: str
    decided: str

    @property
    def text(self) -> str:
        """The first words."""
        text = " ".join(self.post.revision.text.split()) if self.post.revision else ""
        return text[:140]

    @property
    def picture(self) -> str:
        """SHA-256 of the first picture, or ""."""
        pictures = self.post.revision.pictures() if self.post.revision else ()
        return pictures[0].media_id if pictures else ""

    @property
    def channels(self) -> Iterable[Channel]:
        return self.post.revision.channels.all() if self.post.revision else ()

    @property
    def content_hash(self) -> str:
        """What the row shows: an approval of this row is an approval of exactly that."""
        return self.post.revision.content_hash if self.post.revision else ""


def row_of(post: Post, situation: Situation) -> Row:
    """Draw one post; reads only what `drawn` has fetched."""
    deliveries = list(post.deliveries.all())
    approvals = list(post.approvals.all())
    last = approvals[-1] if approvals else None
    when, more = _when(post, deliveries, situation.now)
    return Row(
        post=post,
        pill=label_for(post, deliveries, last, situation.now) or post.status,
        words=waiting_for(post, deliveries, situation).words,
        when=when,
        when_more=more,
        decided=_decided(post, last),
    )


def label_for(post: Post, deliveries: Iterable[Delivery], last: Approval | None, now: datetime) -> str:
    """The word that stands beside the status, or ""."""
    return label_of(
        post,
        deliveries,
        expired=post.scheduled_at is not None and post.scheduled_at <= now,
        changes_asked=last is not None and last.changes_asked,
    )


def _decided(post: Post, last: Approval | None) -> str:
    if last is None or post.status in (S.DRAFT, S.PENDING):
        return ""
    return f"{last.decision} by {last.by}"


def _when(post: Post, deliveries: list[Delivery], now: datetime) -> tuple[str, str]:
    rows = [row for row in deliveries if row.status != D.CANCELLED]
    if post.status in (S.DRAFT, S.PENDING, S.REJECTED):
        if post.scheduled_at:
            return day_time(post.scheduled_at), _ahead(post.scheduled_at, now)
        if post.status == S.PENDING:
            return "As soon as approved", ""
        return "No time yet", f"made {_away(post.created_at, now)}"
    if post.status == S.CANCELLED or not rows:
        return day_time(post.updated_at), _away(post.updated_at, now)
    if post.published_at and not any(row.status in TO_COME for row in rows):
        seconds = max((row.published_at - row.due_at).total_seconds() for row in rows if row.published_at)
        return day_time(post.published_at), f"took {span(seconds)}" if seconds > 0 else ""
    due = min(row.due_at for row in rows if row.status in TO_COME or row.status == D.FAILED)
    return day_time(due), _ahead(due, now)


def _away(at: datetime, now: datetime) -> str:
    seconds = (at - now).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else f"{span(-seconds)} ago"


def _ahead(at: datetime, now: datetime) -> str:
    """How far away it is, and what the shop's clock shows then, where that differs."""
    return ", ".join(filter(None, (_away(at, now), beside(at))))


def day_time(at: datetime) -> str:
    """Day and time: "Today, 08:30", "Tomorrow, 09:00", "3 Dec, 18:00"."""
    words = moment(at)
    if words[0].isdigit() and "," not in words:
        return f"Today, {words}"
    return words if "," in words else words.capitalize().replace(" ", ", ")


class CappedCount(Subquery):
    """How many rows a query gives, counted no further than its slice."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


@dataclass(frozen=True)
class Tab:
    """A way into the list. `count` is "" for the tab of everything."""

    title: str
    query: str
    count: str
    tone: str
    active: bool


_TABS = (
    # title             query                              tone      shown even when empty
    ("Waiting", "status__exact=pending", "amber", True),
    ("Approved", "status__exact=approved", "", True),
    ("Scheduled", "status__exact=scheduled", "", True),
    ("Published", "status__exact=published", "", True),
    ("Partly published", "status__exact=partly_published", "", False),
    ("Not confirmed", "label=unconfirmed", "plum", True),
    ("Failed", "status__exact=failed", "red", True),
    ("Rejected", "status__exact=rejected", "", False),
    ("Drafts", "status__exact=draft", "", True),
)


def tabs(chosen: QueryDict) -> list[Tab]:
    """The tabs with their counts: one query, whatever the number of posts."""
    counted = _counts()
    here = {key: values for key, values in chosen.lists() if key in ("status__exact", "label")}
    answer = [Tab("All", "", "", "", not here)]
    for title, query, tone, always in _TABS:
        key, value = query.split("=")
        count, active = counted[value], here == {key: [value]}
        if count or always or active:
            shown = f"{count:,}+" if count >= COUNTED else f"{count:,}"
            answer.append(Tab(title, query, shown, tone if count else "", active))
    return answer


def _counts() -> dict[str, int]:
    unconfirmed = Delivery.objects.filter(status=D.UNCONFIRMED).order_by().values("post_id").distinct()
    queries: dict[str, QuerySet[Any, Any]] = {"unconfirmed": unconfirmed}
    for status in S.values:
        queries[status] = Post.objects.filter(status=status).order_by().values("pk")
    row = (
        Engine.objects.filter(pk=1)
        .annotate(**{f"n_{name}": CappedCount(query[:COUNTED]) for name, query in queries.items()})
        .values(*(f"n_{name}" for name in queries))
        .first()
    )
    return {name: (row or {}).get(f"n_{name}", 0) for name in queries}
