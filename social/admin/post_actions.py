"""What can be done to many posts at once. Each post is decided alone, before the page answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import Error as DatabaseRefusal
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from integrations.ratelimit import LimiterState
from social import clock, workflow
from social.forecast import Line, forecast_of_many
from social.models import Post
from social.publishing import connect, outbox
from social.workflow import Actor, Refusal

log = structlog.get_logger("hotdash.admin")

MOST = 1_000
"""Posts in one go."""
GROUPS = 8
"""Different reasons that are told one by one; the rest is counted."""
NAMED = 5
"""Posts named for each reason."""
DIGITS = 18
"""The most that an id has: what is longer fits no column."""
DATABASE_WORDS = "The database refused it, so nothing of it was changed. Try again in a minute."

TOGETHER = 200
"""Posts that are written in one transaction, by an action that can."""

Act = Callable[[int], object]
ActOnAll = Callable[[Sequence[int]], dict[int, Refusal]]
"""Answers why some were left alone."""
Forecast = Callable[[Sequence[int], datetime, LimiterState | None], Sequence[Line]]
Answer = TemplateResponse | None
"""None: back to the list, which tells what was done."""


class PostActions:
    """The bulk actions of the list of posts, by the names that scripts use."""

    admin_site: admin.AdminSite

    # Who sees an action at all; on each post the workflow decides again.
    def has_submit_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.change_post")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.approve_post")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.publish_post") or request.user.has_perm("social.change_post")

    def has_recall_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.recall_post")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("social.cancel_post") or request.user.has_perm("social.change_post")

    @admin.action(description="Ask for approval", permissions=["submit"])
    def submit_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor = actor_of(request)
        return _each(request, queryset, "sent for approval", lambda pk: workflow.submit(pk, actor))

    @admin.action(description="Approve", permissions=["approve"])
    def approve_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor = actor_of(request)
        return _each(
            request,
            queryset,
            "approved",
            lambda pk: workflow.approve(pk, actor, shown_hash=shown_hash(request, pk)),
            lambda pks: workflow.approve_all({pk: shown_hash(request, pk) for pk in pks}, actor),
            forecast_of_many,
        )

    @admin.action(description="Reject with a reason", permissions=["approve"])
    def reject_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor, reason = actor_of(request), request.POST.get("reason", "").strip()
        if "apply" not in request.POST or not reason:
            return self._ask_why(request, queryset)
        return _each(
            request,
            queryset,
            "rejected",
            lambda pk: workflow.reject(pk, actor, reason, shown_hash=shown_hash(request, pk)),
        )

    @admin.action(description="Try again", permissions=["retry"])
    def retry_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor = actor_of(request)
        return _each(request, queryset, "queued again", lambda pk: workflow.retry(pk, actor))

    @admin.action(description="Recall", permissions=["recall"])
    def recall_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor = actor_of(request)
        return _each(request, queryset, "being recalled", lambda pk: workflow.recall(pk, actor))

    @admin.action(description="Cancel posts", permissions=["cancel"])
    def cancel_posts(self, request: HttpRequest, queryset: QuerySet[Post]) -> Answer:
        actor = actor_of(request)
        return _each(request, queryset, "cancelled", lambda pk: workflow.cancel(pk, actor))

    def response_action(self, request: HttpRequest, queryset: QuerySet[Post]) -> HttpResponse | None:
        """Leave out what is no id before the database is asked for it."""
        form = request.POST.copy()
        chosen = form.getlist(ACTION_CHECKBOX_NAME)
        form.setlist(ACTION_CHECKBOX_NAME, [pk for pk in chosen if _is_id(pk)])
        request.POST = form  # type: ignore[assignment]
        answer: HttpResponse | None = super().response_action(request, queryset)  # type: ignore[misc]
        return answer

    def _ask_why(self, request: HttpRequest, queryset: QuerySet[Post]) -> TemplateResponse | None:
        """The page between: which posts, and a field for the reason. Posted back to the same address."""
        ids = _ids(queryset)
        if ids is None:
            messages.error(request, _too_many())
            return None
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        waiting = Post.objects.filter(pk__in=ids, status=Post.Status.PENDING).count()
        return TemplateResponse(
            request,
            "admin/social/post/reject_posts.html",
            {
                **self.admin_site.each_context(request),
                "title": "Reject with a reason",
                "is_fullwidth": "1",
                "posts": _named(ids[:NAMED]),
                "number": len(ids),
                "more": len(ids) - NAMED,
                "waiting": waiting,
                "chosen": chosen,
                "shown": [(pk, shown_hash(request, pk)) for pk in chosen if shown_hash(request, pk)],
                "select_across": request.POST.get("select_across", "0"),
                "reason": request.POST.get("reason", ""),
                "nothing_said": "apply" in request.POST,
            },
        )


def _is_id(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= DIGITS


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person."""
    user: Any = request.user
    return Actor(user)


def shown_hash(request: HttpRequest, pk: int | str) -> str:
    """The content hash that the page carried for this post, or "" where it carried none."""
    return request.POST.get(f"shown_hash_{pk}", "")


def _ids(queryset: QuerySet[Post]) -> list[int] | None:
    """The chosen posts, or None where they are too many."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    return ids if len(ids) <= MOST else None


def _too_many() -> str:
    return f"These are more than {MOST:,} posts, so nothing was done: choose fewer, by a filter for example."


def _each(
    request: HttpRequest,
    queryset: QuerySet[Post],
    done_words: str,
    act: Act,
    act_on_all: ActOnAll | None = None,
    forecast: Forecast | None = None,
) -> Answer:
    """Act on each post by itself, where that can be for many together, and tell how many it were, and which
    were left alone and why.

    With `foresee` in the form it is all taken back before it is told: what the dialog says beforehand is what
    the deed itself found, and nobody else saw it.
    """
    ids = _ids(queryset)
    if "foresee" in request.POST:
        if ids is None:
            return _dialog(request, 0, [_too_many()])
        return _foreseen(request, ids, act, act_on_all, forecast)
    if ids is None:
        messages.error(request, _too_many())
        return None
    left = _act(ids, act, act_on_all)
    done = len(ids) - len(left)
    if done:
        messages.success(request, f"{done:,} {'post' if done == 1 else 'posts'} {done_words}.")
    for told in [*_left_alone(left), *_missing(request, len(ids))]:
        messages.warning(request, told)
    return None


def _act(ids: Sequence[int], act: Act, act_on_all: ActOnAll | None) -> dict[int, str]:
    """Why some were left alone."""
    left: dict[int, str] = {}
    with outbox.one_nudge():
        for start in range(0, len(ids), TOGETHER):
            some = ids[start : start + TOGETHER]
            refused = _together(some, act_on_all) if act_on_all else None
            left |= _one_by_one(some, act) if refused is None else refused
    return left


def _foreseen(
    request: HttpRequest,
    ids: Sequence[int],
    act: Act,
    act_on_all: ActOnAll | None,
    forecast: Forecast | None,
) -> TemplateResponse:
    limiter = connect.limiter_state()[0] if forecast else None
    with transaction.atomic():
        try:
            left = _act(ids, act, act_on_all)
            done = [pk for pk in ids if pk not in left]
            lines = forecast(done, clock.now(), limiter) if forecast and done else []
        finally:
            transaction.set_rollback(True)
    return _dialog(request, len(done), [*_left_alone(left), *_missing(request, len(ids))], lines)


def _dialog(
    request: HttpRequest, number: int, told: Sequence[str], lines: Sequence[Line] = ()
) -> TemplateResponse:
    context = {"number": number, "left": told, "lines": lines}
    return TemplateResponse(request, "social/bulk_foreseen.html", context)


def _missing(request: HttpRequest, found: int) -> list[str]:
    """Chosen by their ids, and not there, or not among those that the list is narrowed to."""
    missing = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - found
    if missing <= 0 or request.POST.get("select_across", "0") not in ("", "0"):
        return []
    what = "post is" if missing == 1 else "posts are"
    return [f"{missing:,} of the chosen {what} not in this list, so nothing was done there."]


def _together(ids: Sequence[int], act_on_all: ActOnAll) -> dict[int, str] | None:
    """Why some were left alone; None where the database refused all: one of them may be the reason."""
    try:
        return {pk: str(refusal) for pk, refusal in act_on_all(ids).items()}
    except DatabaseRefusal:
        log.exception("the database refused a bulk action", posts=len(ids))
        return None


def _one_by_one(ids: Sequence[int], act: Act) -> dict[int, str]:
    """Each in a transaction of its own; why some were left alone."""
    left: dict[int, str] = {}
    for pk in ids:
        try:
            act(pk)
        except Refusal as refusal:
            left[pk] = str(refusal)
        except DatabaseRefusal:
            log.exception("the database refused a bulk action", post=pk)
            left[pk] = DATABASE_WORDS
    return left


def _left_alone(left: Mapping[int, str]) -> list[str]:
    """In words, those with the same reason together."""
    groups: dict[str, list[int]] = {}
    for pk, words in left.items():
        groups.setdefault(words, []).append(pk)
    first = sorted(groups.items(), key=lambda group: -len(group[1]))[:GROUPS]
    names = {post.pk: post.name for post in _named([pk for _, ids in first for pk in ids[:NAMED]])}
    told = []
    for words, ids in first:
        named = ", ".join(f"“{names[pk]}”" for pk in ids[:NAMED] if pk in names)
        more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
        told.append(f"Left alone: {named}{more}: {words}")
    rest = len(left) - sum(len(ids) for _, ids in first)
    if rest:
        told.append(f"{rest:,} more were left alone, for other reasons: open them to see why.")
    return told


def _named(ids: Iterable[int]) -> QuerySet[Post]:
    return Post.objects.filter(pk__in=list(ids)).select_related("revision")
