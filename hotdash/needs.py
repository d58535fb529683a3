"""What needs a person now: at most a handful of posts, the most urgent first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Prefetch
from django.urls import reverse

from social.explain import Situation, waiting_for
from social.models import Delivery, Post

S, D = Post.Status, Delivery.Status

ROWS = 5
KINDS = {
    # kind      delivery         shown as        button
    "unsure": (D.UNCONFIRMED, "unconfirmed", "Look and decide"),
    "failed": (D.FAILED, "failed", "Open post"),
    "late": (D.QUEUED, "late", "Say whether it goes"),
}


@dataclass(frozen=True)
class Need:
    """One post that needs a person: what it is shown as, why, and the button."""

    post: Post
    state: str
    words: str
    button: str
    link: str
    networks: tuple[str, ...] = ()
    primary: bool = False


def shown(posts: Iterable[int]) -> dict[int, Post]:
    """Posts by their ids, with all that a row or a sentence about them reads: five queries, however many."""
    rows = Post.objects.filter(pk__in=set(posts)).select_related("revision", "author", "token")
    rows = rows.prefetch_related(
        "revision__channels",
        "revision__revision_media",
        Prefetch("deliveries", Delivery.objects.select_related("channel", "connection")),
        "approvals",
    )
    return {post.pk: post for post in rows}


def wanted(now: datetime) -> dict[str, list[int]]:
    """Ids of the first posts of each kind that may need a person. Asked by themselves, so that no plan walks
    all posts."""
    late = now - timedelta(seconds=settings.LATE_AFTER_SECONDS)
    failed = Post.objects.filter(status__in=[S.FAILED, S.PARTLY_PUBLISHED]).order_by("-sort_at", "id")
    pending = Post.objects.filter(status=S.PENDING).order_by(F("scheduled_at").asc(nulls_last=True), "id")
    return {
        "unsure": _posts_of(status=D.UNCONFIRMED, decide=True),
        "failed": list(failed.values_list("pk", flat=True)[:ROWS]),
        "late": _posts_of(status=D.QUEUED, due_at__lt=late),
        S.PENDING: list(pending.values_list("pk", flat=True)[:1]),
    }


def needs_of(
    user: Any,
    situation: Situation,
    ids: Mapping[str, Iterable[int]],
    posts: Mapping[int, Post],
    waiting: str,
    more_wait: bool,
) -> list[Need]:
    """First what a person decides on, then failed, late, and the first that waits for approval.

    `ids` as `wanted` brings them, `posts` as `shown` does. `waiting`: how many wait, as the screens tell it;
    `more_wait`: whether that is more than one.
    """
    needs: dict[int, Need] = {}
    for kind in KINDS:
        of_kind = sorted((posts[pk] for pk in ids[kind] if pk in posts), key=_newest_first)
        for post in of_kind[:ROWS]:
            needs.setdefault(post.pk, _need(kind, post, situation, user))
    for post in (posts[pk] for pk in ids[S.PENDING] if pk in posts):
        needs.setdefault(post.pk, _to_review(post, user, situation, waiting, more_wait))
    return list(needs.values())[:ROWS]


def _newest_first(post: Post) -> tuple[float, int]:
    return -post.sort_at.timestamp(), post.pk


def _posts_of(**conditions: Any) -> list[int]:
    rows = Delivery.objects.filter(**conditions).order_by("due_at", "id")
    return list(rows.values_list("post_id", flat=True)[: 4 * ROWS])


def _need(kind: str, post: Post, situation: Situation, user: Any) -> Need:
    status, state, button = KINDS[kind]
    deliveries = list(post.deliveries.all())
    concerned = [row for row in deliveries if row.status == status and (kind != "unsure" or row.decide)]
    failed = next((row.problem for row in concerned if kind == "failed"), "")
    words = failed or waiting_for(post, deliveries, situation).words
    networks = tuple(row.channel.network for row in concerned)
    asked = kind == "late" and user.has_perm("social.publish_post")
    link = reverse("admin:social_post_resume") if asked else _page_of(post)
    return Need(post, state, words, button, link, networks)


def _to_review(post: Post, user: Any, situation: Situation, waiting: str, more_wait: bool) -> Need:
    state = "expired" if post.scheduled_at and post.scheduled_at <= situation.now else S.PENDING
    words = waiting_for(post, post.deliveries.all(), situation).words
    if not user.has_perm("social.approve_post"):
        return Need(post, state, words, "Open", _page_of(post))
    if not more_wait:
        return Need(post, state, words, "Review", _page_of(post), primary=True)
    all_of_them = f"{reverse('admin:social_post_changelist')}?status__exact={S.PENDING}"
    return Need(post, state, words, f"Review {waiting}", all_of_them, primary=True)


def _page_of(post: Post) -> str:
    return reverse("admin:social_post_change", args=[post.pk])
