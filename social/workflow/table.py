"""The table of transitions of a post, and the one function that applies a row of it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch, Q, prefetch_related_objects
from django.utils import timezone

from social import clock
from social.models import Approval, Delivery, Event, Post, Revision
from social.models.revision import with_pictures
from social.moments import moment
from social.workflow.actors import Actor
from social.workflow.content import problems_of
from social.workflow.refusals import InvalidContent, NotAllowed, Refusal, WrongState
from social.workflow.rollup import rolled_up
from social.workflow.times import blackouts_at, keeps_approval, standing_approval

S = Post.Status

UNDONE_WITHIN = timedelta(minutes=1)
"""A decision is undone at once or not at all: what is older, others may have acted on."""
TOO_LATE = timedelta(seconds=60)
"""So short before its time a post is not taken back from Publer any more: it is about to send it."""


@dataclass(frozen=True)
class Request:
    """One actor's wish about one post, on the locked row."""

    post: Post
    actor: Actor
    facts: Mapping[str, Any] = field(default_factory=dict)


Guard = Callable[[Request], None]
"""Raises a `Refusal` where what must hold does not."""


@dataclass(frozen=True)
class Rule:
    """One row: from these states, by this verb, to that state (None: what the deliveries say)."""

    verb: str
    sources: frozenset[str]
    target: str | None
    permission: str
    must_hold: tuple[Guard, ...] = ()
    where: Callable[[Post], bool] = lambda post: True
    """Of two rows for a verb from one state, which it is."""


# ---------------------------------------------------------------------------------- what must hold
def by_a_person(request: Request) -> None:
    """A program never decides."""
    if not request.actor.is_person:
        raise NotAllowed("A person decides; a program cannot.")


def by_a_second_person(request: Request) -> None:
    """Nobody approves their own, superusers included; who answers for a token counts as author of what it
    made."""
    by_a_person(request)
    if settings.REQUIRE_SECOND_PERSON and request.actor.person.pk in authors_of(request.post):
        raise NotAllowed("Needs a second person: you wrote this post, so somebody else approves it.")


def authors_of(post: Post) -> set[int]:
    """Ids of the users who wrote the post: edits that an approver made in review do not make an author, nor
    does another time."""
    if "revisions" in getattr(post, "_prefetched_objects_cache", {}):
        wrote = [one for one in post.revisions.all() if not one.in_review and one.moved_from_id is None]
        return {post.author_id, *(one.created_by_id for one in wrote)}
    own = post.revisions.filter(in_review=False, moved_from=None)
    return {post.author_id, *own.values_list("created_by_id", flat=True)}


def waiting_on(post: Post) -> set[int]:
    """Ids of the channels on which something of it waits to be sent."""
    rows = post.deliveries.filter(status=Delivery.Status.QUEUED)
    return set(rows.values_list("channel_id", flat=True))


def of_what_was_shown(request: Request) -> None:
    """What is decided about is what the person saw: the content hash of the page, compared with the row's."""
    shown = request.facts.get("shown_hash") or ""
    if shown and shown != request.post.content().content_hash:
        raise WrongState("It was changed after your page was drawn: look at it again.", request.post.status)


def a_reason(request: Request) -> None:
    if not str(request.facts.get("reason", "")).strip():
        raise Refusal("Say why: the author reads the reason.")


def fits_its_channels(request: Request) -> None:
    problems = problems_of(request.post.content())
    if problems:
        raise InvalidContent(problems)


def intact(request: Request) -> None:
    """The content in the database is still what its hash says."""
    revision = request.post.content()
    if revision.computed_hash() != revision.content_hash:
        raise Refusal("The stored content does not match its seal. Edit the post, so that it gets a new one.")


def nothing_in_the_air(request: Request) -> None:
    row = request.post.deliveries.filter(status__in=Delivery.IN_AIR).order_by("goes_at").first()
    if row is not None:
        since = f" since {moment(row.goes_at)}" if row.goes_at else ""
        raise WrongState(
            f"It is on its way to {row.channel.network_name}{since}: wait for the outcome.", "approved"
        )


def handed_over(post: Post) -> bool:
    """Whether Publer has some of it for later."""
    return post.deliveries.filter(status=Delivery.Status.SCHEDULED).exists()


def nothing_handed_over(request: Request) -> None:
    if handed_over(request.post):
        raise WrongState("Publer already has it for later: recall it first.", request.post.status)


def in_time(request: Request) -> None:
    """What Publer has for later can still be taken off there: it is asked for first, by itself."""
    rows = request.post.deliveries.filter(status=Delivery.Status.SCHEDULED)
    row = rows.exclude(can_be_recalled(clock.now())).select_related("channel").order_by("due_at").first()
    if row is not None:
        raise WrongState(
            f"Too late: Publer sends it on {row.channel.network_name} at {moment(row.due_at)}. "
            "Nothing was changed.",
            request.post.status,
        )


def can_be_recalled(now: datetime) -> Q:
    """Not while Publer is about to send it, or may be; but again where it has not, long after its time."""
    overdue = timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    return Q(due_at__gt=now + TOO_LATE) | Q(due_at__lt=now - overdue)


def change_waits(post: Post) -> bool:
    """Whether a change to it waits until Publer has let go of it."""
    return bool(post.change.get("verb"))


def ones_own_decision(request: Request) -> None:
    """The last decision is this person's, of what stands there, and was made just now."""
    post = request.post
    last = post.approvals.select_related("user").last()
    if last is None or last.kept_from_id or last.content_hash != post.content().content_hash:
        raise WrongState(how_it_came_to_be(post), post.status)
    if last.user_id != request.actor.person.pk:
        raise NotAllowed(f"That decision is {last.by}'s: withdraw the post, if it is not to go out.")
    if last.created_at < clock.now() - UNDONE_WITHIN:
        raise WrongState(f"Too late to undo it: it was decided at {moment(last.created_at)}.", post.status)


def nothing_came_of_it(request: Request) -> None:
    """Not one of its deliveries has left."""
    left = request.post.deliveries.exclude(status__in=[Delivery.Status.QUEUED, Delivery.Status.CANCELLED])
    row = left.filter(revision=request.post.revision_id).select_related("channel").first()
    if row is not None:
        since = f" since {moment(row.goes_at)}" if row.goes_at else ""
        raise WrongState(
            f"Too late to undo it: it is with Publer for {row.channel.network_name}{since}.",
            request.post.status,
        )


def no_change_waits(request: Request) -> None:
    if change_waits(request.post):
        raise WrongState(
            "A change to it waits until Publer has let go of it: look again in a minute.", request.post.status
        )


def something_queued(request: Request) -> None:
    if not request.post.deliveries.filter(status=Delivery.Status.QUEUED).exists():
        raise WrongState("Nothing of it is waiting to be sent.", request.post.status)


def by_the_rule_of_moves(request: Request) -> None:
    """Within the rule the approval stands; beyond it, who moves the time must be one who may approve the post
    as it is."""
    at, standing = request.facts.get("at"), standing_approval(request.post)
    if standing is None:
        raise Refusal("Nobody approved what stands here: ask for approval.")
    if at is None:
        return
    if keeps_approval(standing.approved_time, at, blackouts_at(at, waiting_on(request.post))):
        return
    if not request.actor.person.has_perm("social.approve_post"):
        raise NotAllowed("This time asks for a new approval: that is for an approver.")
    by_a_second_person(request)
    fits_its_channels(request)


def only_the_approver_in_review(request: Request) -> None:
    """In review only an approver edits; an author withdraws first."""
    if request.post.status == S.PENDING and not request.actor.person.has_perm("social.approve_post"):
        raise NotAllowed("It waits for approval: withdraw it first, then edit it.")


# ------------------------------------------------------------------------------------- the table
def _rule(
    verb: str,
    sources: Set[str],
    target: str | None,
    permission: str,
    *must_hold: Guard,
    where: Callable[[Post], bool] = lambda post: True,
) -> Rule:
    return Rule(verb, frozenset(sources), target, f"social.{permission}", must_hold, where)


BEFORE = {S.DRAFT, S.REJECTED}
AFTER = {S.APPROVED, S.SCHEDULED, S.PARTLY_PUBLISHED, S.FAILED}
SENT_LATER = {S.APPROVED, S.SCHEDULED}
ANEW = (by_a_person, no_change_waits, nothing_in_the_air)
"""What must hold where an approval is void by it."""

RULES = (
    #     verb          from                    to            who may           what must hold
    _rule("submit", BEFORE, S.PENDING, "change_post", fits_its_channels, intact),
    _rule("submit", AFTER, None, "change_post", by_a_person, where=change_waits),
    _rule("withdraw", {S.PENDING}, S.DRAFT, "change_post"),
    _rule("withdraw", SENT_LATER, None, "change_post", *ANEW, in_time, where=handed_over),
    _rule("withdraw", SENT_LATER, S.DRAFT, "change_post", *ANEW),
    _rule("edit", BEFORE, S.DRAFT, "change_post", of_what_was_shown),
    _rule("reschedule", {S.DRAFT}, S.DRAFT, "change_post", of_what_was_shown),
    _rule(
        "reschedule",
        {S.PENDING},
        S.PENDING,
        "change_post",
        by_a_person,
        only_the_approver_in_review,
        of_what_was_shown,
    ),
    _rule(
        "edit",
        {S.PENDING},
        S.PENDING,
        "approve_post",
        by_a_person,
        only_the_approver_in_review,
        of_what_was_shown,
    ),
    _rule("edit", AFTER, None, "change_post", of_what_was_shown, *ANEW, in_time, where=handed_over),
    _rule("edit", AFTER, S.DRAFT, "change_post", of_what_was_shown, *ANEW),
    _rule(
        "approve",
        {S.PENDING},
        None,
        "approve_post",
        by_a_second_person,
        of_what_was_shown,
        fits_its_channels,
        intact,
    ),
    _rule("reject", {S.PENDING}, S.REJECTED, "approve_post", by_a_person, of_what_was_shown, a_reason),
    _rule(
        "undo",
        {S.APPROVED},
        S.PENDING,
        "approve_post",
        by_a_person,
        ones_own_decision,
        no_change_waits,
        nothing_came_of_it,
    ),
    _rule("undo", {S.REJECTED}, S.PENDING, "approve_post", by_a_person, ones_own_decision),
    _rule("cancel", {*BEFORE, S.PENDING, *AFTER}, None, "cancel_post", nothing_in_the_air, in_time),
    _rule("stop", AFTER, None, "cancel_post", by_a_person),
    _rule("retry", AFTER, None, "publish_post", no_change_waits, intact),
    _rule("recall", {S.APPROVED, S.SCHEDULED, S.PARTLY_PUBLISHED}, None, "recall_post", by_a_person),
    _rule("publish", SENT_LATER, None, "publish_post", no_change_waits, intact),
    _rule("settle", AFTER, None, "publish_post", by_a_person),
    _rule(
        "move",
        {S.APPROVED},
        None,
        "publish_post",
        by_a_person,
        of_what_was_shown,
        no_change_waits,
        something_queued,
        nothing_in_the_air,
        nothing_handed_over,
        intact,
        by_the_rule_of_moves,
    ),
    _rule(
        "resubmit",
        {S.APPROVED},
        S.PENDING,
        "publish_post",
        by_a_person,
        of_what_was_shown,
        no_change_waits,
        something_queued,
        nothing_in_the_air,
        nothing_handed_over,
        fits_its_channels,
        intact,
    ),
    _rule("drop", {S.APPROVED}, None, "cancel_post", by_a_person, no_change_waits, something_queued),
)


def rule_for(verb: str, post: Post) -> Rule:
    """The row for this verb from this state; `WrongState` tells the state, and who brought it there."""
    for rule in RULES:
        if rule.verb == verb and post.status in rule.sources and rule.where(post):
            return rule
    raise WrongState(how_it_came_to_be(post), post.status)


def how_it_came_to_be(post: Post) -> str:
    """Who was first, and what was decided."""
    decision = post.approvals.select_related("user", "kept_from").last()
    state = post.get_status_display().lower()
    if decision and post.status not in (S.DRAFT, S.PENDING, S.CANCELLED):
        who = decision.by
        said = f" (“{decision.reason}”)" if decision.decision == Approval.Decision.REJECTED else ""
        return f"{who} {decision.decision} it at {moment(decision.given_at)}{said}; it is now: {state}."
    last = post.events.filter(delivery=None, to_status=post.status).last()
    if last is None:
        return f"It is now: {state}."
    who, when = last.actor_name, moment(last.created_at)
    if post.status == S.PENDING and last.verb == "undo":
        return f"It waits for approval: {who} took a decision back at {when}."
    if post.status == S.PENDING:
        return f"It waits for approval: {who} asked for it at {when}."
    if post.status == S.CANCELLED:
        return f"{who} cancelled it at {when}."
    return f"It is now: {state} (by {who}, {when})."


OF_ITS_AUTHOR = {"cancel", "retry", "stop", "move", "resubmit", "drop"}
"""What the author of a post may do to it, too, whose permission is otherwise another one."""

Effect = Callable[[Request], tuple[str, dict[str, Any]]]
"""What a verb does besides the status: returns the event's note and data."""


def apply(
    verb: str, post_id: int, actor: Actor, effect: Effect, *, must_also: tuple[Guard, ...] = (), **facts: Any
) -> Post:
    """Apply one row of the table to one post, in one transaction: all of it or nothing.

    Raises a `Refusal`; then nothing was changed.
    """
    with transaction.atomic():
        post = held(post_id)
        request = Request(post, actor, facts)
        rule = _allowed(verb, request, must_also)
        before = post.status
        note, data = effect(request)
        post.status = rule.target or roll_up(post)
        post.save()
        record(post, actor, verb, before=before, note=note, data=data)
    return post


def held(post_id: int) -> Post:
    """The post with its deliveries, locked: what is seen of them is so until the transaction ends."""
    post = Post.objects.select_for_update(no_key=True).get(pk=post_id)
    list(post.deliveries.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    return post


EffectOnAll = Callable[[Sequence[Request]], Sequence[tuple[str, dict[str, Any]]]]
"""As `Effect`, for many posts at once: a note and data for each."""


def apply_to_all(
    verb: str, facts: Mapping[int, Mapping[str, Any]], actor: Actor, effect: EffectOnAll
) -> dict[int, Refusal]:
    """Apply one row to each of these posts, decided each by itself, written together: in one transaction
    whose number of queries does not grow with them.

    `facts` by the post's id. Answers why some were left as they were; the others are changed. Raises what
    the database raises; then nothing was changed.
    """
    refused: dict[int, Refusal] = {}
    with transaction.atomic():
        posts = list(Post.objects.select_for_update(no_key=True).filter(pk__in=list(facts)).order_by("pk"))
        held = Delivery.objects.select_for_update(no_key=True).filter(post__in=posts)
        list(held.order_by("post_id", "pk").values_list("pk"))
        _read_contents(posts)
        let_in: dict[Post, tuple[Request, Rule]] = {}
        for post in posts:
            request = Request(post, actor, facts[post.pk])
            try:
                let_in[post] = request, _allowed(verb, request)
            except Refusal as refusal:
                refused[post.pk] = refusal
        if let_in:
            before = {post: post.status for post in let_in}
            told = effect([request for request, _ in let_in.values()])
            _set_statuses({post: rule.target for post, (_, rule) in let_in.items()})
            Event.objects.bulk_create(
                event(post, actor, verb, before=before[post], note=note, data=data)
                for post, (note, data) in zip(let_in, told, strict=True)
            )
    return refused


def _read_contents(posts: Sequence[Post]) -> None:
    """All that the guards read of these posts, in a few queries."""
    authors = Revision.objects.only("post_id", "created_by_id", "in_review", "moved_from_id")
    prefetch_related_objects(
        list(posts),
        Prefetch("revisions", queryset=authors),
        "revision__channels__connection",
        Prefetch("revision__revision_media", queryset=with_pictures()),
    )


def _set_statuses(targets: Mapping[Post, str | None]) -> None:
    """Write the status of each post; None: what its deliveries say."""
    said = roll_up_all([post for post, target in targets.items() if target is None])
    alike: dict[str, list[int]] = defaultdict(list)
    for post, target in targets.items():
        post.status = target or said[post.pk]
        alike[post.status].append(post.pk)
    for status, pks in alike.items():
        Post.objects.filter(pk__in=pks).update(status=status, updated_at=timezone.now())


def why_not(verb: str, post: Post, actor: Actor, **facts: Any) -> Refusal | None:
    """The refusal that this verb would meet now, or None: to draw a page by. The verb itself tests again."""
    try:
        _allowed(verb, Request(post, actor, facts))
    except Refusal as refusal:
        return refusal
    return None


def _allowed(verb: str, request: Request, must_also: tuple[Guard, ...] = ()) -> Rule:
    """The row that lets this happen; raises a `Refusal` where none does."""
    rule = rule_for(verb, request.post)
    if not _may(request.actor, rule, request):
        raise NotAllowed(_who_may(rule))
    for guard in (*rule.must_hold, *must_also):
        guard(request)
    return rule


def _may(actor: Actor, rule: Rule, request: Request) -> bool:
    """A program's rights are its scopes, tested at the door; a person's are permissions. HotDash itself
    may."""
    if not actor.is_person:
        return rule.permission != "social.approve_post"
    if rule.verb in OF_ITS_AUTHOR and request.post.author_id == actor.person.pk:
        return actor.person.has_perm("social.change_post")
    return actor.person.has_perm(rule.permission)


def _who_may(rule: Rule) -> str:
    groups = {
        "social.approve_post": "an approver",
        "social.publish_post": "an approver or an operator",
        "social.recall_post": "an approver or an operator",
        "social.cancel_post": "its author, an approver or an operator",
        "social.change_post": "an author or an approver",
    }
    return f"You may not {rule.verb} this post: that is for {groups[rule.permission]}."


def roll_up(post: Post) -> str:
    """The status that the post's deliveries give it."""
    return roll_up_all([post])[post.pk]


def roll_up_all(posts: Collection[Post]) -> dict[int, str]:
    """The status that each post's deliveries give it, by its id."""
    statuses: dict[int, list[str]] = {post.pk: [] for post in posts}
    for pk, status in Delivery.objects.filter(post__in=list(statuses)).values_list("post_id", "status"):
        statuses[pk].append(status)
    return {pk: rolled_up(found) for pk, found in statuses.items()}


def record(
    post: Post,
    actor: Actor,
    verb: str,
    *,
    before: str = "",
    note: str = "",
    data: dict[str, Any] | None = None,
    delivery: Delivery | None = None,
    after: str = "",
) -> Event:
    """Add a row to the audit trail."""
    written = event(post, actor, verb, before=before, note=note, data=data, delivery=delivery, after=after)
    written.save()
    return written


def event(
    post: Post,
    actor: Actor,
    verb: str,
    *,
    before: str = "",
    note: str = "",
    data: dict[str, Any] | None = None,
    delivery: Delivery | None = None,
    after: str = "",
) -> Event:
    """A row of the audit trail, not yet written."""
    return Event(
        post=post,
        delivery=delivery,
        actor=actor.user,
        actor_name=actor.name,
        is_person=actor.is_person,
        verb=verb,
        from_status=before,
        to_status=after or post.status,
        note=note,
        data=data or {},
    )
