"""Why something is not out yet, until when, and what to do: the same sentence in list, post page and API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from integrations.connections import Connection
from integrations.pausing import Pausable
from integrations.ratelimit import LimiterState, Priority
from social import clock
from social.models import Approval, Channel, Delivery, Engine, Post
from social.moments import moment, span
from social.workflow.rollup import TO_COME

__all__ = [
    "AT_ONCE",
    "Situation",
    "Waiting",
    "delivery_waits",
    "moment",
    "pause_words",
    "paused_channels",
    "paused_words",
    "publer_is_set_up",
    "span",
    "waiting_for",
    "what_stops_all",
]

D, S = Delivery.Status, Post.Status


@dataclass(frozen=True)
class Situation:
    """What holds for everything at this moment; read once a page."""

    now: datetime
    engine: Engine
    connection: Connection | None
    limiter: LimiterState | None = None
    store_down: bool = False
    held: Mapping[int, Channel] = field(default_factory=dict)
    """The channels that somebody holds, by their keys."""

    @classmethod
    def read(cls, *, store_answers: bool = True) -> "Situation":
        """Four small queries, and one look at the limiter's store, unless it is known not to answer."""
        from social.publishing import connect

        limiter, store_down = connect.limiter_state() if store_answers else (None, True)
        now = clock.now()
        return cls(
            now=now,
            engine=Engine.objects.select_related("paused_by").get(pk=1),
            connection=connect.of_the_moment(),
            limiter=limiter,
            store_down=store_down,
            held={channel.pk: channel for channel in _held(now)},
        )


@dataclass(frozen=True)
class Waiting:
    """`words`: a full sentence, or "" where nothing is waited for. `until`: the moment it names, if any.

    `kind` is the same for sentences that differ in their moment alone; "" where the words themselves say it.
    """

    words: str
    until: datetime | None = None
    kind: str = ""


AT_ONCE = Waiting("Goes out within seconds.", kind="now")
"""Of what nothing holds: where it is still there after a while, something is wrong."""


def waiting_for(post: Post, deliveries: Iterable[Delivery], situation: Situation) -> Waiting:
    """Why this post is not out, in words."""
    rows = [row for row in deliveries if row.status != D.CANCELLED]
    if post.status == S.DRAFT:
        return Waiting("A draft: ask for approval when it is ready.")
    if post.status == S.PENDING:
        return _pending(post, situation)
    if post.status == S.REJECTED:
        last = next(
            (a for a in reversed(list(post.approvals.all())) if a.decision == Approval.Decision.REJECTED),
            None,
        )
        return Waiting(f"“{last.reason}” Edit it, then ask again." if last else "Edit it, then ask again.")
    to_come = [row for row in rows if row.status in TO_COME]
    if to_come:
        waits = [delivery_waits(row, situation) for row in to_come]
        urgent = next(
            (w for row, w in zip(to_come, waits, strict=True) if row.status == D.UNCONFIRMED), waits[0]
        )
        first_words = urgent.words
        if len(rows) > 1 and len({w.words for w in waits}) > 1:
            row = to_come[waits.index(urgent)]
            first_words = f"{row.channel.network_name}: {first_words}"
        return Waiting(first_words, urgent.until)
    failed = [row for row in rows if row.status == D.FAILED]
    if failed:
        row = failed[0]
        return Waiting(f"{row.channel.network_name}: {row.problem}" if len(rows) > 1 else row.problem)
    return Waiting("")


def _pending(post: Post, situation: Situation) -> Waiting:
    if post.scheduled_at and post.scheduled_at <= situation.now:
        return Waiting(
            f"Its time, {moment(post.scheduled_at)}, passed undecided: approve it, give it a new time, "
            "or cancel it.",
            post.scheduled_at,
        )
    words = "Needs a second person" if settings.REQUIRE_SECOND_PERSON else "Needs an approval"
    if post.scheduled_at:
        return Waiting(f"{words} before {moment(post.scheduled_at)}.", post.scheduled_at)
    return Waiting(f"{words}; goes out as soon as it is approved.")


def delivery_waits(row: Delivery, situation: Situation) -> Waiting:
    """Why this delivery is not out, in words."""
    if row.status == D.QUEUED:
        return _queued(row, situation)
    if row.status == D.SENDING:
        return Waiting("Being sent to Publer.")
    if row.status == D.ACCEPTED:
        since = f" since {moment(row.goes_at)}" if row.goes_at and row.goes_at <= situation.now else ""
        return Waiting(f"Publer is working on it{since}: usually under a minute.", kind="accepted")
    if row.status == D.UNCONFIRMED:
        return _unconfirmed(row, situation)
    if row.status == D.SCHEDULED:
        if row.recall:
            return Waiting(f"Being recalled: Publer is asked to take it off{_and_then(row.post)}.")
        if row.problem:
            return Waiting(row.problem)
        return Waiting(f"With Publer, goes out at {moment(row.due_at)}.", row.due_at)
    return Waiting(row.problem)


def what_stops_all(situation: Situation) -> Waiting | None:
    """What holds everything, whatever the post: a pause, the connection, the cache server."""
    engine = situation.engine
    if engine.is_paused(situation.now):
        end = _end_of(engine, "it goes on when somebody switches it on")
        return Waiting(f"{pause_words('Publishing is', engine)}{end}", engine.paused_until)
    connection = situation.connection
    if not publer_is_set_up(connection):
        return Waiting("Publer is not connected: an operator connects it. Nothing is lost.")
    if connection is not None and connection.is_paused(situation.now):
        end = _end_of(connection, "it goes on when somebody resumes it")
        return Waiting(f"{paused_words(connection)}{end}", connection.paused_until)
    if connection is not None and connection.trouble:
        again = connection.not_before
        if not settings.PUBLER_API_KEY and connection.credential.ended_at:
            return Waiting(f"{connection.trouble_words} Nothing is lost.")
        when = (
            f" Tried again at {moment(again)}."
            if again and again > situation.now
            else " Tried again shortly."
        )
        return Waiting(f"{connection.trouble_words} Nothing is lost.{when}", again)
    if situation.store_down:
        return Waiting("The cache server is away, so nothing is sent. Nothing is lost; it goes on by itself.")
    return None


def publer_is_set_up(connection: Connection | None) -> bool:
    """Whether anything is there to come in with: the environment's key, or the connection's own."""
    return bool(settings.PUBLER_API_KEY) or getattr(connection, "credential", None) is not None


def paused_words(connection: Connection) -> str:
    """That calls to a provider are paused: since when, by whom, why, and until when."""
    return pause_words(f"Calls to {connection.get_provider_display()} are", connection)


def pause_words(what: str, row: Pausable) -> str:
    """That something is paused, without a full stop: "Instagram is paused since 07:10 by …"."""
    since = f" since {moment(row.paused_at)}" if row.paused_at else ""
    by = row.paused_by
    who = f" by {by.get_full_name() or by.get_username()}" if by else ""
    why = f" (“{row.pause_reason}”)" if row.pause_reason else ""
    until = f" until {moment(row.paused_until)}" if row.paused_until else ""
    return f"{what} paused{since}{who}{why}{until}"


def _end_of(row: Pausable, otherwise: str) -> str:
    return ", then it goes on by itself." if row.paused_until else f": {otherwise}."


def paused_channels(situation: Situation) -> list[Waiting]:
    """One for each channel that somebody holds: nothing goes out there."""
    return [_held_channel(channel, str(channel)) for channel in situation.held.values()]


def _held_channel(channel: Channel, name: str) -> Waiting:
    end = _end_of(channel, "it goes on when somebody resumes it")
    return Waiting(f"{pause_words(f'{name} is', channel)}{end}", channel.paused_until)


def _held(now: datetime) -> list[Channel]:
    rows = Channel.objects.filter(paused_at__isnull=False, connection__connected=True)
    return [row for row in rows.select_related("paused_by") if row.is_paused(now)]


def _and_then(post: Post) -> str:
    """What becomes of a post once Publer has let go of it."""
    if not post.change.get("verb"):
        return ""
    written = post.change["verb"] == "edit"
    after = "asks for approval" if post.change.get("submit") else "is a draft"
    return f"; then its new version {after}" if written else f"; then it {after} again"


def _queued(row: Delivery, situation: Situation) -> Waiting:
    now = situation.now
    if row.post.change.get("verb"):
        return Waiting(
            f"Held: a change to it waits until Publer has let go of the rest{_and_then(row.post)}."
        )
    if now > row.due_at + timedelta(seconds=settings.LATE_AFTER_SECONDS):
        return Waiting(
            f"Its time, {moment(row.due_at)}, is long past: say whether it still goes out.",
            row.due_at,
            "late",
        )
    stop = what_stops_all(situation)
    if stop is not None:
        return stop
    connection = situation.connection
    if connection is None or connection.pk != row.connection_id:
        return Waiting(
            f"Held: it belongs to the workspace {row.connection.name or row.connection.workspace}, "
            "which is not connected now."
        )
    if row.channel_id in situation.held:
        return _held_channel(situation.held[row.channel_id], row.channel.network_name)
    if row.not_before and row.not_before > now:
        reason = row.hold or row.problem or "Waits"
        return Waiting(f"{reason}: next try at {moment(row.not_before)}.", row.not_before, f"held: {reason}")
    limiter = situation.limiter
    if limiter is not None and limiter.paused_until and limiter.paused_until > now:
        return _at_the_limit(limiter.paused_until, now)
    if row.due_at > now:
        handover = row.due_at - timedelta(seconds=settings.HANDOVER_LEAD_SECONDS)
        if handover > now:
            return Waiting(
                f"Goes to Publer at {moment(handover)}, public at {moment(row.due_at)}.", row.due_at, "ahead"
            )
        return Waiting(f"Goes out at {moment(row.due_at)}.", row.due_at, "soon")
    free = _limit_free(limiter, now)
    return _at_the_limit(free, now) if free else AT_ONCE


def _limit_free(limiter: LimiterState | None, now: datetime) -> datetime | None:
    """When Publer's limit lets the next one go; None where it does so now. A part of it is kept for people,
    so that what is sent by itself can wait while something is left."""
    if limiter is None:
        return None
    held = [who.until for who in limiter.waiting if who.priority == Priority.BACKGROUND and who.until > now]
    if limiter.remaining == 0 and limiter.resets_at and limiter.resets_at > now:
        held.append(limiter.resets_at)
    return max(held, default=None)


def _at_the_limit(free: datetime, now: datetime) -> Waiting:
    seconds = (free - now).total_seconds()
    return Waiting(f"Publer's limit: goes out in about {span(seconds)}.", free, "limit")


def _unconfirmed(row: Delivery, situation: Situation) -> Waiting:
    if row.decide:
        return Waiting(
            f"{row.problem or 'Its outcome is unknown.'} Look at {row.channel.network_name}, then say."
        )
    if row.quiet_from is None:
        return Waiting("Looked for at Publer first, after a gap in HotDash's own life.")
    since = f" at {moment(row.goes_at)}" if row.goes_at and row.goes_at <= situation.now else ""
    if row.quiet_from:
        again = row.quiet_from + timedelta(seconds=settings.RESEND_AFTER_SECONDS)
        if again > situation.now:
            return Waiting(
                f"No clear answer from Publer{since}: it is being looked for. Sent again only if a "
                f"look after {moment(again)} shows that it was not taken.",
                again,
                "unconfirmed",
            )
    return Waiting(f"No clear answer from Publer{since}: it is being looked for.", kind="looked for")
