"""What became of what was sent, told from the provider's list; and the only way in which something is sent
again."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q

from integrations.connections import Connection
from integrations.publer.client import PublerClient
from integrations.publer.types import ListedPost
from social import clock
from social.models import Channel, Delivery, Engine, Reading, Submission
from social.publishing import pausepoint
from social.publishing.batching import words_sent
from social.publishing.looking import A_PAGE, Enough, Look, SoFar, look, look_through
from social.publishing.matching import SLACK, Matches, Sought, match
from social.workflow import deliveries as steps

log = structlog.get_logger("hotdash.publishing")
D = Delivery.Status

LONGEST_ID = 100
"""Characters of a provider's id that can be kept."""

ZONE_SLACK = timedelta(days=2)
"""The list is filtered by dates whose zone is not documented."""
A_DAY = timedelta(days=1)
QUICK_LOOKS = 2
"""So many looks for something that was just sent end where the list shows nothing new."""
AT_ONCE = 500
"""Deliveries that one look is for, unless one account alone has more: their pages are half of a window."""
SLOWLY = timedelta(minutes=10)
"""Between two looks for what a person is to decide about."""
LONGEST_PAUSE = 60.0
"""Seconds between two looks for something that is under way, at most."""
SHARE = 4
"""A list is read to its end in parts of a quarter of the limit, two parts a window: half is for others."""
RESUMED_WITHIN = timedelta(minutes=15)
"""What a look left unfinished is taken up again so soon, else begun anew."""

PENDING_THERE = {
    "scheduled_pending": "It waits for an approval inside Publer: the key's owner needs one there.",
    "scheduled_declined": "It was declined inside Publer: look there, then recall it or approve it there.",
    "scheduled_reauth": "The account has to be connected anew in Publer before this can go out.",
    "scheduled_locked": "Publer has locked this account: look at the plan there.",
}


def to_look_for(connection: Connection, now: datetime) -> list[Delivery]:
    """All under way on the accounts on which something is due to be looked for: one look can serve it all.
    Of very much, the accounts that wait longest."""
    under_way = Delivery.objects.filter(
        Q(status__in=[D.ACCEPTED, D.UNCONFIRMED]) | Q(status=D.SCHEDULED, next_look_at__lte=now),
        connection=connection,
    )
    waiting = under_way.order_by().values_list("channel").annotate(first=Min("next_look_at"), of=Count("pk"))
    channels: list[int] = []
    number = 0
    for channel, _, of in waiting.filter(first__lte=now).order_by("first", "channel"):
        number += of
        if channels and number > AT_ONCE:
            break
        channels.append(channel)
    if not channels:
        return []
    return list(
        under_way.filter(channel__in=channels)
        .select_related("post", "channel", "revision__moved_from", "submission")
        .prefetch_related("revision__revision_media", "submissions")
        .order_by("pk")
    )


def look_around(connection: Connection, publer: PublerClient) -> int:
    """Look for what is under way and draw the conclusions. Returns how many deliveries moved.

    One look at the beginning of the list serves all of it. What two of those did not show, or where something
    would follow from an absence, is looked for in the list of its account alone: few pages, which hardly
    change meanwhile; twice, for an absence. Raises the client's errors where the list cannot be read; then
    nothing is concluded.
    """
    now = clock.now()
    rows = to_look_for(connection, now)
    if not rows:
        return 0
    to_the_end = _to_the_end(rows, now)
    moved = 0
    if len({row.channel_id for row in rows}) > 1:
        moved, rows = _look_at_all(rows, to_the_end, publer, now)
    pages = max(1, settings.PUBLER_RATE_LIMIT // SHARE)
    for channel, of_account in _by_account(rows):
        if pages < 1:
            _go_on_later(of_account)
            continue
        passes = 2 if channel.pk in to_the_end else 1
        seen, read = _look_through(channel, of_account, publer, pages, passes, now)
        pages -= read
        pausepoint.reached("looked")
        moved += conclude(of_account, [_sought(row) for row in of_account], seen)
        if seen.goes_on:
            _go_on_later(of_account)
    pausepoint.reached("decided")
    return moved


def _look_at_all(
    rows: Sequence[Delivery], to_the_end: Collection[int], publer: PublerClient, now: datetime
) -> tuple[int, list[Delivery]]:
    """One look for all; how many moved, and those whose account's own list has to be read: all of it, on the
    accounts `to_the_end`, so that nothing on those keeps this look going."""
    sought = [_sought(row) for row in rows]
    here = {row.pk: row for row in rows if row.channel_id not in to_the_end}
    sought_here = [one for one in sought if one.pk in here]
    seen = look(
        publer,
        sorted({one.account_id for one in sought}),
        *_dates(sought),
        expected=len(rows),
        most=max(1, settings.PUBLER_RATE_LIMIT // 2),
        enough=_enough([*here.values()], sought_here, (), now) if here else lambda posts: True,
    )
    pausepoint.reached("looked")
    owners = _owners(rows, seen.posts, _former_owners(rows, _dates(sought)[0]))
    found = match(sought, seen.posts, owners, probably=False).certain
    missing = [row for row in rows if row.pk not in found and not seen.complete]
    accounts = {
        row.channel_id for row in missing if _is_due(row, now) and (seen.goes_on or row.looks >= QUICK_LOOKS)
    }
    left = [row for row in missing if row.channel_id in accounts | set(to_the_end)]
    leave = {row.pk for row in left}
    moved = conclude(
        [row for row in rows if row.pk not in leave], [one for one in sought if one.pk not in leave], seen
    )
    return moved, left


def _to_the_end(rows: Sequence[Delivery], now: datetime) -> set[int]:
    """The channels on which something that is due would follow from an absence."""
    return {row.channel_id for row in rows if _is_due(row, now) and _absence_tells(row, now)}


def _is_due(row: Delivery, now: datetime) -> bool:
    return row.next_look_at is None or row.next_look_at <= now


def _absence_tells(row: Delivery, now: datetime) -> bool:
    """Whether something would follow if a complete look that begins now showed nothing of it."""
    if row.status == D.ACCEPTED:
        return _done_but_not_listed(row, now)
    if row.status == D.SCHEDULED:
        return bool(row.recall) or _overdue(row, now)
    return row.decide or _may_be_sent_again(row, now)


def _dates(sought: Sequence[Sought]) -> tuple[date, date]:
    times = [row.since for row in sought] + [at for row in sought for at in row.minutes]
    return (min(times) - ZONE_SLACK).date(), (max(*times, clock.now()) + ZONE_SLACK).date()


def _enough(
    rows: Sequence[Delivery], sought: Sequence[Sought], to_the_end: Collection[int], now: datetime
) -> Enough:
    """All that is due is found; or nothing more is to be expected, and nothing would follow from it."""
    former = _former_owners(rows, _dates(sought)[0])
    due = [row for row in rows if _is_due(row, now)]

    def enough(posts: Collection[ListedPost]) -> bool:
        owners = _owners(rows, posts, former)
        certain = match(sought, tuple(posts), owners, probably=False).certain
        missing = [row for row in due if row.pk not in certain]
        if any(row.looks >= QUICK_LOOKS or row.channel_id in to_the_end for row in missing):
            return False
        return not missing or _shows_nothing_new(posts, owners, missing, now)

    return enough


def _shows_nothing_new(
    posts: Collection[ListedPost], owners: Mapping[str, int], missing: Sequence[Delivery], now: datetime
) -> bool:
    """Whether the last page held only what is somebody's, or older than what is missing: in a list that
    begins with the newest, it is not there yet. In one of another order, the third look for it reads all."""
    since = min(row.first_stamped_at or row.created_at for row in missing) - SLACK
    return all(
        post.scheduled_at is not None
        and post.scheduled_at <= now + SLACK
        and (post.id in owners or post.scheduled_at < since)
        for post in list(posts)[-A_PAGE:]
    )


def _by_account(rows: Sequence[Delivery]) -> list[tuple[Channel, list[Delivery]]]:
    """The one whose delivery waits longest for its look first, so that none is forgotten."""
    accounts: dict[int, list[Delivery]] = {}
    for row in sorted(rows, key=lambda row: (row.next_look_at or row.created_at, row.pk)):
        accounts.setdefault(row.channel_id, []).append(row)
    return [(of_account[0].channel, of_account) for of_account in accounts.values()]


def _look_through(
    channel: Channel, rows: Sequence[Delivery], publer: PublerClient, pages: int, passes: int, now: datetime
) -> tuple[Look, int]:
    """Read one account's list to its end, or on from where it was left; the look, and how many pages that
    took."""
    sought = [_sought(row) for row in rows]
    date_from, date_to = _dates(sought)
    so_far = SoFar(accounts=(channel.account_id,), date_from=date_from, date_to=date_to)
    kept = Reading.objects.filter(channel=channel).first()
    if kept is not None and kept.at > now - RESUMED_WITHIN:
        left = SoFar.model_validate(kept.so_far)
        if (left.accounts, left.date_from, left.date_to) == (so_far.accounts, date_from, date_to):
            so_far = left
    before = so_far.read
    to_the_end = {channel.pk} if passes > 1 else set()
    seen = look_through(
        publer, so_far, pages=pages, enough=_enough(rows, sought, to_the_end, now), passes=passes
    )
    if seen.goes_on:
        Reading.objects.update_or_create(
            channel=channel, defaults={"so_far": so_far.model_dump(mode="json"), "at": clock.now()}
        )
    elif kept is not None:
        kept.delete()
    return seen, so_far.read - before


def _go_on_later(rows: Sequence[Delivery]) -> None:
    """A list that is read in parts leaves most of each window's calls to others."""
    later = clock.now() + timedelta(seconds=settings.PUBLER_RATE_PERIOD * 2 / SHARE)
    Delivery.objects.filter(
        pk__in=[row.pk for row in rows], status__in=[D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED]
    ).update(next_look_at=later)


def _sought(row: Delivery) -> Sought:
    attempts = list(row.submissions.all())
    later = [s for s in attempts if s.kind == Submission.Kind.LATER]
    minutes = (
        {row.due_at, *([row.goes_at] if row.goes_at else [])}
        if later or (row.timed and not attempts)
        else set()
    )
    return Sought(
        pk=row.pk,
        account_id=row.channel.account_id,
        text=words_sent(row),
        link=row.revision.link_for(row.channel.network),
        since=row.first_stamped_at or row.revision.words_from,
        minutes=frozenset(minutes),
        sent_now=len(later) < len(attempts) or not attempts,
        held_id=row.provider_post_id,
    )


def conclude(rows: Sequence[Delivery], sought: Sequence[Sought], seen: Look) -> int:
    """What one look says about each delivery."""
    if not rows:
        return 0
    former = _former_owners(rows, _dates(sought)[0])
    found = match(sought, seen.posts, _owners(rows, seen.posts, former))
    claims = Counter(post.id for posts in found.probable.values() for post in posts)
    _note_siblings(rows, found.certain, seen)
    moved = 0
    for row in rows:
        try:
            with transaction.atomic():
                moved += _conclude(row, found, claims, seen)
        except Exception:  # what one row or one listed post brings costs that row alone
            log.exception("not concluded", delivery=row.pk)
            if _for_a_day(row, seen):
                moved += _put_to_a_person(row, seen, "What Publer lists of it could not be kept for a day.")
            else:
                _look_again(row)
    return moved


def _conclude(row: Delivery, found: Matches, claims: Mapping[str, int], seen: Look) -> bool:
    """In one transaction. Nothing here writes a delivery that is then moved: the post is locked first."""
    moved = False
    if row.pk in found.certain:
        moved = _adopt(row, found.certain[row.pk], seen)
        if row.pk in found.left_over:
            _live_twice(row, found.left_over[row.pk])
    elif not _is_due(row, seen.began) and (row.status == D.ACCEPTED or not seen.complete):
        pass  # its own look is still to come
    elif row.pk in found.probable:
        posts = found.probable[row.pk]
        moved = _probable(row, posts, seen, alone=len(posts) == 1 and claims[posts[0].id] == 1)
    elif _for_a_day(row, seen):
        moved = _put_to_a_person(row, seen, "Its outcome is unknown for more than a day.")
    elif seen.complete:
        moved = _absent(row, seen)
    else:
        _look_again(row)
    return moved


def _owners(
    rows: Sequence[Delivery], posts: Collection[ListedPost], former: dict[str, int]
) -> dict[str, int]:
    """The deliveries that hold listed posts, or held them in an attempt that has ended."""
    holders = Delivery.objects.filter(
        connection=rows[0].connection_id, provider_post_id__in=[post.id for post in posts]
    ).exclude(provider_post_id="")  # so says the index, too
    return dict(holders.values_list("provider_post_id", "pk")) | former


def _former_owners(rows: Sequence[Delivery], listed_from: date) -> dict[str, int]:
    """Those whose latest attempt went so late that what is listed from that day may be of an earlier one."""
    since = datetime.combine(listed_from, time(), UTC) - timedelta(seconds=settings.HANDOVER_LEAD_SECONDS)
    ended = Delivery.objects.filter(
        channel__in={row.channel_id for row in rows}, goes_at__gte=since - A_DAY
    ).exclude(former_ids=[])
    return {
        former_id: pk for pk, former_ids in ended.values_list("pk", "former_ids") for former_id in former_ids
    }


def _as_looked_at(row: Delivery) -> dict[str, Any]:
    """A decision is about what was looked for: the same submission (or none), nothing unsure since."""
    return {
        "submission_id": row.submission_id,
        "quiet_from": row.quiet_from,
        "provider_post_id": row.provider_post_id,
    }


# ------------------------------------------------------------------------------------------- found
def _adopt(row: Delivery, post: ListedPost, seen: Look) -> bool:
    """The listed post is this delivery's: it becomes what the list says. One owner a post; who was first
    has it."""
    if len(post.id) > LONGEST_ID:
        words = "Publer lists it under an id that is too long to be kept."
        return _put_to_a_person(row, seen, words, candidates=[_candidate(post)])
    common = {
        "provider_post_id": post.id,
        "permalink": post.post_link[:2000] or row.permalink,
        "live_text": "" if post.text.strip() == words_sent(row).strip() else post.text,
        "decide": False,
        "candidates": [],
        "quiet_from": None,
        "lease_until": None,
        "provider_words": "",
    }
    try:
        with transaction.atomic():
            return _become(row, post, common)
    except IntegrityError:
        _look_again(row)  # another delivery took this post at this moment
        return False


def _become(row: Delivery, post: ListedPost, common: dict[str, Any]) -> bool:
    state, now = post.state, clock.now()
    if state.startswith("published"):
        note = post.post_link
        if row.recall:
            note = "too late to recall it"
        deleted = state == "published_deleted"
        return steps.move(
            row,
            "published",
            only_if=_as_looked_at(row),
            note=note,
            published_at=_published_at(row, post, now),
            next_look_at=None,
            recall="",
            problem="It was published, and then deleted there." if deleted else "",
            **common,
        )
    if state == "failed":
        return steps.move(
            row,
            "failed there",
            only_if=_as_looked_at(row),
            note="Publer's list says failed",
            problem=f"{row.channel.network_name} did not take it, says Publer's list, and not why. Nothing "
            "was posted: look at it in Publer, then try again.",
            retry_helps=True,
            next_look_at=None,
            recall="",
            **common,
        )
    problem = PENDING_THERE.get(state, "")
    at = max(row.due_at, now)
    next_look = at + timedelta(seconds=settings.POLL_INTERVAL_SECONDS if not problem else LONGEST_PAUSE)
    if row.status != D.SCHEDULED:
        return steps.move(
            row,
            "found scheduled",
            only_if=_as_looked_at(row),
            problem=problem,
            next_look_at=next_look,
            looks=0,
            **common,
        )
    if _overdue(row, now) and not problem:
        problem = "Publer has it, but has not sent it at its time: look at Publer."
    Delivery.objects.filter(pk=row.pk, status=D.SCHEDULED).update(
        problem=problem, next_look_at=_later(row, now), looks=row.looks + 1, live_text=common["live_text"]
    )
    return False


def _published_at(row: Delivery, post: ListedPost, now: datetime) -> datetime:
    """The provider's own time where it is believable, else now."""
    if post.scheduled_at and row.first_stamped_at and row.first_stamped_at <= post.scheduled_at <= now:
        return post.scheduled_at
    return now


def _live_twice(row: Delivery, posts: Sequence[ListedPost]) -> None:
    """A copy left over, though certain: shown to people; nothing is deleted unasked."""
    Delivery.objects.filter(pk=row.pk).update(
        candidates=[_candidate(post) for post in posts],
        problem="Live twice? Publer lists another post with the same words on this account.",
    )


def _candidate(post: ListedPost) -> dict[str, Any]:
    return {
        "id": post.id,
        "text": post.text,
        "state": post.state,
        "at": post.scheduled_at.isoformat() if post.scheduled_at else None,
        "link": post.post_link,
    }


def _probable(row: Delivery, posts: Sequence[ListedPost], seen: Look, *, alone: bool) -> bool:
    """Found perhaps: a person decides. What Publer still works on may yet turn up for certain; and what its
    job completed, without a failure, is the one post that may be it, if no other delivery may be that."""
    listed = [_candidate(post) for post in posts]
    if row.decide:
        looked = {"looked_from": seen.began} if seen.complete else {}
        Delivery.objects.filter(pk=row.pk, decide=True).update(
            candidates=listed, next_look_at=clock.now() + SLOWLY, **looked
        )
        return False
    if row.status == D.SCHEDULED and not _overdue(row, seen.began):
        _look_again(row)
        return False
    if row.status == D.ACCEPTED:
        if row.submission is None or row.submission.completed_at is None:
            _look_again(row)
            return False
        if alone:
            return _adopt(row, posts[0], seen)
    words = "Publer lists a post that may be this one, with other words."
    return _put_to_a_person(row, seen, words, candidates=listed)


# ------------------------------------------------------------------------------------------ absent
def _absent(row: Delivery, seen: Look) -> bool:
    """A complete look shows nothing of it."""
    if row.status == D.SCHEDULED:
        return _gone(row, seen)
    if not row.decide and _done_but_not_listed(row, seen.began):
        return _put_to_a_person(row, seen, "Publer says that it is done, but does not list it.")
    if row.status == D.ACCEPTED:
        _look_again(row)
        return False
    if row.decide:
        Delivery.objects.filter(pk=row.pk, status=D.UNCONFIRMED, decide=True).update(
            next_look_at=clock.now() + SLOWLY, candidates=[], looked_from=seen.began
        )
        return False
    if not _may_be_sent_again(row, seen.began):
        _look_again(row, looked_from=seen.began)
        return False
    if row.attempts >= settings.RETRY_MAX_ATTEMPTS and row.quiet_from:
        return _put_to_a_person(row, seen, f"Sent {row.attempts} times, and never listed.")
    return steps.move(
        row,
        "proved not taken" if row.quiet_from else "not live yet",
        only_if={"decide": False, **_as_looked_at(row)},
        note="a complete look shows nothing of it",
        looked_from=seen.began,
        quiet_from=None,
        next_look_at=None,
        not_before=None,
    )


def _done_but_not_listed(row: Delivery, began: datetime) -> bool:
    """The job of its open submission was complete, without a failure of it, W before."""
    job = row.submission
    if job is None or job.completed_at is None or not row.items.filter(submission=job, open=True).exists():
        return False
    return began >= job.completed_at + timedelta(seconds=settings.RESEND_AFTER_SECONDS)


def _for_a_day(row: Delivery, seen: Look) -> bool:
    """Nothing was established for so long, whether the looks were complete or not."""
    if row.decide or row.status == D.SCHEDULED:
        return False
    since = row.quiet_from
    if since is None and row.status == D.ACCEPTED and row.submission:
        since = row.submission.stamped_at
    if since is None:  # looked for after a gap
        since = Engine.objects.values_list("trusted_from", flat=True).get(pk=1)
    return since is not None and seen.began - since > A_DAY


def _overdue(row: Delivery, now: datetime) -> bool:
    """Its time is past by more than Publer may take over it."""
    return now - row.due_at > timedelta(seconds=settings.RESEND_AFTER_SECONDS)


def _may_be_sent_again(row: Delivery, began: datetime) -> bool:
    """The safe re-send: by a complete look *begun* after `max(quiet_from + W, due − W)`; with a job id known,
    only W after another post of that job was first seen. After a gap: the grace after `trusted_from`."""
    wait = timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    if row.quiet_from is None:
        trusted_from = Engine.objects.values_list("trusted_from", flat=True).get(pk=1)
        grace = timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)
        return trusted_from is None or began >= trusted_from + grace
    after = row.quiet_from + wait
    if row.timed:
        after = max(after, row.due_at - wait)
    if began <= after:
        return False
    if row.submission and row.submission.job_id:
        sibling = row.submission.sibling_seen_at
        return sibling is not None and began > sibling + wait
    return True


def _gone(row: Delivery, seen: Look) -> bool:
    """Publer had it for later and does not list it any more, neither its id nor its words."""
    if row.recall:
        happened = "recalled" if row.recall == Delivery.Recall.CANCEL else "recalled to be moved"
        return steps.move(
            row,
            happened,
            only_if={"recall": row.recall, **_as_looked_at(row)},
            recall="",
            provider_post_id="",
            former_ids=[*row.former_ids, row.provider_post_id],
            next_look_at=None,
            attempts=0,
            problem="",
            note="a complete look shows it gone",
        )
    if _overdue(row, seen.began):
        return _put_to_a_person(row, seen, "Publer had it for its time, but does not list it any more.")
    Delivery.objects.filter(pk=row.pk, status=D.SCHEDULED).update(
        problem="Publer does not list it any more: look there. Recall it here, to send it again.",
        next_look_at=_later(row, seen.began),
        looks=row.looks + 1,
    )
    return False


def _put_to_a_person(
    row: Delivery, seen: Look, words: str, *, candidates: Sequence[dict[str, Any]] = ()
) -> bool:
    done_at = row.submission.completed_at if row.submission else None
    looked: dict[str, Any] = {"looked_from": seen.began} if seen.complete else {}
    return steps.move(
        row,
        "put to a person",
        only_if=_as_looked_at(row),
        decide=True,
        recall="",
        candidates=list(candidates),
        problem=words,
        next_look_at=clock.now() + SLOWLY,
        quiet_from=row.quiet_from or done_at or clock.now(),
        **looked,
    )


# ------------------------------------------------------------------------------------------- when
def _look_again(row: Delivery, **found: Any) -> None:
    Delivery.objects.filter(pk=row.pk, status=row.status).update(
        looks=row.looks + 1, next_look_at=_later(row, clock.now()), **found
    )


def _later(row: Delivery, now: datetime) -> datetime:
    """After the grace, doubling, and at the re-send time."""
    first = (
        settings.RECONCILE_GRACE_SECONDS
        if row.status == D.UNCONFIRMED and row.quiet_from
        else settings.POLL_INTERVAL_SECONDS
    )
    at = now + timedelta(seconds=min(first * 2 ** min(row.looks, 10), LONGEST_PAUSE))
    if row.status == D.UNCONFIRMED and row.quiet_from:
        again = row.quiet_from + timedelta(seconds=settings.RESEND_AFTER_SECONDS + 0.5)
        if now < again < at:
            return again
    return at


def _note_siblings(rows: Sequence[Delivery], certain: dict[int, ListedPost], seen: Look) -> None:
    """The first sight of any post of a job: from then on, W is counted for its missing ones."""
    jobs = {row.submission_id for row in rows if row.pk in certain and row.submission_id}
    Submission.objects.filter(pk__in=jobs, sibling_seen_at=None).update(sibling_seen_at=clock.now())
