"""One write: stamped ahead of the call, sent once, and recorded by what the answer proves."""

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import F, QuerySet

from integrations.connections import Connection
from integrations.errors import NotSent, ProviderError, Refused
from integrations.publer.client import PublerClient
from integrations.publer.content import Entry
from integrations.publer.types import JobAccepted
from integrations.ratelimit import Leave
from social import clock, networks
from social.models import Delivery, Engine, Submission
from social.networks.failures import TOO_LARGE, meaning
from social.publishing import connect, pausepoint
from social.publishing.batching import Plan, body_of, entry_of, is_late, kind_at, uploads_of
from social.publishing.heartbeat import distrust_the_past, note_life
from social.publishing.looking import A_PAGE
from social.workflow import deliveries as steps

log = structlog.get_logger("hotdash.publishing")
D = Delivery.Status

A_DAY = timedelta(hours=24)
SEND_WITHIN = 5.0
"""Seconds from before the stamp to the send, by the monotonic clock: a process that halted longer sends
nothing."""


class _Faster(Exception):
    """Another process took a row between the test and the stamp: everything is rolled back."""


def submit(plan: Plan, publer: PublerClient, leave: Leave) -> bool:
    """Stamp, send and record one planned request under a leave already given. Returns whether it was sent."""
    started = time.monotonic()
    try:
        stamped = stamp(plan)
    except (_Faster, DatabaseError) as error:
        # A COMMIT that failed, or of which nobody knows: nothing is sent; the lease tells if it was written.
        log.warning("not stamped", error=type(error).__name__)
        stamped = None
    if stamped is None:
        publer.give_back(leave)
        return False
    pausepoint.reached("stamped")
    if time.monotonic() - started > SEND_WITHIN:
        publer.give_back(leave)
        record(stamped.pk, NotSent("HotDash halted between the stamp and the send.", provider="publer"))
        return False
    outcome = _send(stamped, publer, leave)
    pausepoint.reached("sent")
    record(stamped.pk, outcome)
    pausepoint.reached("recorded")
    return True


# ------------------------------------------------------------------------------------------ stamp
def stamp(plan: Plan) -> Submission | None:
    """Claim and write-ahead in one transaction, on locked rows; None where nothing of the plan may be
    sent."""
    aside: list[_Aside] = []
    with transaction.atomic():
        submission = _stamp(plan, aside)
    # After the transaction, since a move locks the post before the delivery, as people's verbs do.
    for row, happened, fields in aside:
        steps.move(row, happened, **fields)
    return submission


_Aside = tuple[Delivery, str, dict[str, Any]]


def _stamp(plan: Plan, aside: list[_Aside]) -> Submission | None:
    engine = Engine.objects.select_for_update().get(pk=1)
    now = clock.now()
    note_life(engine, now)
    connection = Connection.objects.get(pk=plan.connection.pk)
    if engine.is_paused(now) or connection.is_paused(now) or not connection.connected:
        return None
    if connection.not_before and connection.not_before > now:
        return None
    planned = [row.pk for row in plan.deliveries]
    locked = list(
        Delivery.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=planned, status=D.QUEUED)  # no lock on what an answer is just moving
        .select_related("post", "channel", "revision__moved_from")
        .prefetch_related("revision__revision_media", "revision__channels__connection")
        .order_by("pk")
    )
    others = _Others.of(locked, plan.kind, now)
    rows = [row for row in locked if _may_be_stamped(row, plan, engine, now, others, aside)]
    entries = _buildable(rows, plan.kind, aside)
    if not entries:
        return None
    submission = Submission.objects.create(
        connection=connection,
        kind=plan.kind,
        body=body_of(entries),
        stamped_at=now,
        lease_until=now + timedelta(seconds=settings.PUBLISH_LEASE_SECONDS),
    )
    rows = [row for row, _ in entries]
    if steps.stamp(rows, submission, now=now) != len(rows):
        raise _Faster
    return submission


@dataclass(frozen=True)
class _Others:
    """What else there is on the accounts of a plan, read once for all of it: under the engine's lock no other
    stamp adds to it, and in one plan an account stands once."""

    in_air: frozenset[tuple[int, str]]
    """Channel and fingerprint of what is under way."""
    times: Mapping[int, Sequence[datetime]]
    """By channel: when something goes or went public there, in order, as far as it bears on the plan."""

    @classmethod
    def of(cls, rows: Sequence[Delivery], kind: Submission.Kind, now: datetime) -> "_Others":
        if not rows:
            return cls(frozenset(), {})
        others = Delivery.objects.filter(channel__in={row.channel_id for row in rows})
        twins = others.filter(
            status__in=Delivery.IN_AIR, fingerprint__in={row.fingerprint for row in rows}
        ).values_list("channel_id", "fingerprint")
        return cls(frozenset(twins), _times(others, rows, kind, now))


def _times(
    others: QuerySet[Delivery], rows: Sequence[Delivery], kind: Submission.Kind, now: datetime
) -> dict[int, list[datetime]]:
    reach = timedelta(seconds=settings.PUBLISH_GAP_SECONDS)
    if any(_limit_of(row) is not None for row in rows):
        reach = max(reach, A_DAY)
    times: dict[int, list[datetime]] = defaultdict(list)
    if reach:
        at = [_public_at(row, kind, now) for row in rows]
        near = others.filter(goes_at__gt=min(at) - reach, goes_at__lt=max(at) + reach)
        # Told by what is left out: by a list of states SQLite would come to all that was ever published.
        found = near.exclude(status__in=[D.QUEUED, D.FAILED, D.CANCELLED]).order_by("goes_at")
        for channel, moment in found.values_list("channel_id", "goes_at"):
            if moment is not None:
                times[channel].append(moment)
    return times


def _public_at(row: Delivery, kind: Submission.Kind, now: datetime) -> datetime:
    return row.due_at if kind == Submission.Kind.LATER else now


def _limit_of(row: Delivery) -> int | None:
    return networks.daily_limit(row.channel.network, row.channel.kind, settings.PUBLER_PLAN)


def _may_be_stamped(
    row: Delivery, plan: Plan, engine: Engine, now: datetime, others: _Others, aside: list[_Aside]
) -> bool:
    """Every guard of the stamp, on the locked row. What is held back gets its reason and its moment."""
    if row.status != D.QUEUED or row.connection_id != plan.connection.pk or kind_at(row, now) != plan.kind:
        return False
    if (row.not_before and row.not_before > now) or (plan.kind == Submission.Kind.NOW and row.due_at > now):
        return False
    if row.channel.is_paused(now):  # read under the engine's lock, behind which it is paused
        return False
    if is_late(row, now):
        return False
    if row.approved_hash != row.revision.computed_hash() or row.approved_hash != row.revision.content_hash:
        steps.hold(
            [row],
            now + timedelta(hours=1),
            "What is stored is not what was approved: edit and approve it again",
        )
        return False
    if not _looked_for_since_the_gap(row, engine):
        note = "a gap in HotDash's own life: is it live already?"
        fields = {"quiet_from": None, "looks": 0, "next_look_at": _free_from(engine), "note": note}
        aside.append((row, "looked for first", fields))
        return False
    if (row.channel_id, row.fingerprint) in others.in_air:
        steps.hold(
            [row],
            now + timedelta(seconds=settings.POLL_INTERVAL_SECONDS),
            "The same words are on their way there",
        )
        return False
    return _has_room(row, plan.kind, now, others.times.get(row.channel_id, ()))


def _free_from(engine: Engine) -> datetime:
    trusted_from = engine.trusted_from or engine.last_seen
    assert trusted_from is not None  # noqa: S101 - set by note_life in this transaction
    return trusted_from + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)


def _looked_for_since_the_gap(row: Delivery, engine: Engine) -> bool:
    if engine.trusted_from is None or row.revision.words_from >= engine.trusted_from:
        return True
    return row.looked_from is not None and row.looked_from >= _free_from(engine)


def _has_room(row: Delivery, kind: Submission.Kind, now: datetime, times: Sequence[datetime]) -> bool:
    """The minute's gap between two posts on one account, and the network's limit in any 24 hours. `times`:
    those of the account's others, in order."""
    at = _public_at(row, kind, now)
    gap = timedelta(seconds=settings.PUBLISH_GAP_SECONDS)
    near = [moment for moment in times if at - gap < moment < at + gap]
    if near:
        until = max(near[-1] + gap, now + timedelta(seconds=1))
        seconds = round(settings.PUBLISH_GAP_SECONDS)
        words = f"{row.channel.network_name} takes one post every {seconds} s"
        steps.hold_account(row, max(until, row.due_at), words)
        return False
    limit = _limit_of(row)
    if limit is None:
        return True
    around = [moment for moment in times if at - A_DAY < moment < at + A_DAY]
    # Any 24 hours count, so those too that reach ahead, to what Publer already has for later.
    full = [
        first
        for first, last in zip(around, around[limit - 1 :], strict=False)
        if max(last, at) - min(first, at) < A_DAY
    ]
    if not full:
        return True
    words = f"{row.channel.network_name} allows {limit} posts in 24 hours"
    steps.hold_account(row, full[-1] + A_DAY, words)
    return False


def _buildable(
    rows: list[Delivery], kind: Submission.Kind, aside: list[_Aside]
) -> list[tuple[Delivery, Entry]]:
    """The rows with what is sent of them; one that cannot be built fails alone."""
    uploads = uploads_of(rows)
    good = []
    for row in rows:
        try:
            good.append((row, entry_of(row, kind, uploads)))
        except DatabaseError:
            raise
        except Exception as error:  # whatever it is: one row that makes no sense holds up no other
            why = str(error) if isinstance(error, ValueError) else "what is stored of it makes no sense"
            if not isinstance(error, ValueError):
                log.exception("cannot be built", delivery=row.pk)
            problem = f"It cannot be put into Publer's form: {why}. Edit it; a new approval is asked."
            aside.append((row, "cannot be built", {"problem": problem, "retry_helps": False}))
    return good


# ------------------------------------------------------------------------------------------- send
def _send(submission: Submission, publer: PublerClient, leave: Leave) -> JobAccepted | ProviderError:
    """One call, once."""
    call = publer.schedule if submission.kind == Submission.Kind.LATER else publer.publish
    try:
        return call(submission.body, leave)
    except ProviderError as error:
        return error


# ----------------------------------------------------------------------------------------- record
def record(submission_id: int, outcome: JobAccepted | ProviderError) -> None:
    """Keep the answer on its submission, and move each delivery of which that submission is still the
    latest."""
    with transaction.atomic():
        submission = Submission.objects.select_for_update(no_key=True).filter(pk=submission_id).first()
        if submission is None:
            distrust_the_past()  # the database was restored while this was on its way
            return
        now = clock.now()
        submission.answered_at = now
        if isinstance(outcome, JobAccepted):
            submission.state, submission.job_id = Submission.State.TAKEN, outcome.job_id
            submission.http_status, submission.answer = outcome.status, outcome.body_excerpt
        else:
            submission.state = _proved(outcome)
            submission.http_status, submission.answer = outcome.status, outcome.body or outcome.message
        submission.save()
        rows = list(submission.deliveries.select_related("channel").order_by("pk"))
        if isinstance(outcome, JobAccepted):
            _taken(submission, rows, now)
        else:
            _not_taken(submission, rows, outcome, now)
    connection = submission.connection
    if isinstance(outcome, ProviderError):
        connect.in_trouble(connection, outcome)
    else:
        connect.became_well(connection)


def _proved(error: ProviderError) -> Submission.State:
    if isinstance(error, NotSent):
        return Submission.State.NOT_SENT
    return Submission.State.REFUSED if isinstance(error, Refused) else Submission.State.UNKNOWN


def _first_look_after(deliveries: int) -> float:
    """Seconds. What one page of the list holds is looked for soon, since somebody may be watching; a look for
    more is worth its pages only when Publer has done it all."""
    intervals = 0.5 if deliveries <= A_PAGE else 2.0
    return float(settings.POLL_INTERVAL_SECONDS) * intervals


def _taken(submission: Submission, rows: list[Delivery], now: datetime) -> None:
    steps.move_all(
        rows,
        "taken over",
        submission=submission,
        note=f"job {submission.job_id}",
        looks=0,
        next_look_at=now + timedelta(seconds=_first_look_after(len(rows))),
        lease_until=None,
        decide=False,
        problem="",
    )
    limit = submission.connection.batch_limit
    if limit is not None:
        wider = limit * 2 if limit * 2 < settings.PUBLER_BULK_SIZE else None
        Connection.objects.filter(pk=submission.connection_id).update(batch_limit=wider)


def _not_taken(submission: Submission, rows: list[Delivery], error: ProviderError, now: datetime) -> None:
    if isinstance(error, Refused) and (error.kind == "permanent" or error.too_large):
        _content_refused(submission, rows, error)
    elif isinstance(error, NotSent | Refused):
        happened = "not sent" if isinstance(error, NotSent) else "refused"
        _back_to_the_queue(submission, rows, happened, error.message)
    else:
        steps.move_all(
            rows,
            "outcome unknown",
            submission=submission,
            note=error.message,
            quiet_from=now,
            was_unknown=True,
            looks=0,
            next_look_at=now + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
        )


def _back_to_the_queue(submission: Submission, rows: list[Delivery], happened: str, note: str) -> None:
    """Surely not taken: the attempt does not count."""
    steps.move_all(rows, happened, submission=submission, attempts=F("attempts") - 1, note=note)


def _content_refused(submission: Submission, rows: list[Delivery], error: Refused) -> None:
    """A refused batch is tried again in halves, until what is wrong stands alone."""
    said = " ".join(error.errors) or error.message
    if len(rows) > 1:
        _back_to_the_queue(submission, rows, "refused", said)
        # After the posts, as where a job was taken over: two answers lock in one order.
        Connection.objects.filter(pk=submission.connection_id).update(batch_limit=len(rows) // 2)
        return
    for row in rows:
        known = TOO_LARGE if error.too_large else meaning(row.channel.network, said)
        steps.move(
            row,
            "refused alone",
            submission=submission,
            problem=known.told(row.channel.network_name)
            if known
            else f"Publer refused it: “{said}”. Nothing was posted. Edit it; a new approval is asked.",
            provider_words=error.body,
            retry_helps=known is not None and known.retry_helps,
            note=said,
        )


def expire_leases() -> int:
    """Whoever held these is dead, or will come too late: their outcome is unknown. Returns how many there
    were."""
    now = clock.now()
    expired = Delivery.objects.filter(status=D.SENDING, lease_until__lt=now).select_related(
        "submission", "channel"
    )
    moved = Counter[bool]()
    for row in expired:
        if row.submission is None or row.lease_until is None:
            continue
        moved[
            steps.move(
                row,
                "outcome unknown",
                submission=row.submission,
                only_if={"lease_until__lt": now},
                note="no answer was recorded",
                quiet_from=row.lease_until,
                was_unknown=True,
                looks=0,
                next_look_at=row.lease_until + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS),
            )
        ] += 1
        Submission.objects.filter(pk=row.submission.pk, state=Submission.State.STAMPED).update(
            state=Submission.State.UNKNOWN
        )
    return moved[True]
