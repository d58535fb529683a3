"""The watch: what has fallen silent though it should not have, from the rows of the database alone.

Beat lets a worker keep it. Whoever reads it looks for himself where that has stopped: a process that is gone
cannot report itself. How long what may take, in seconds, follows from the settings and from Beat's entries:

    a process without a sign of life      3 × the larger of 5 and DISPATCH_INTERVAL_SECONDS
    an entry of Beat's that has not run   3 × its pace + PUBLISH_LEASE_SECONDS
    due, and nothing sent at all          as the entry "dispatch"
    due, though others are sent           LATE_AFTER_SECONDS / 2: then it has not become late yet
    due to be looked for                  as the entry "poll", + the longest pause between two looks
    an outcome unknown                    2 × RESEND_AFTER_SECONDS + RECONCILE_GRACE_SECONDS + that pause
    waiting for a person's decision       2 × LATE_AFTER_SECONDS
    the accounts not read                 as the entry "sync-channels"

All but the first, and an entry that is switched off, have to last three looks of the watch more: what was
just resumed can go first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, Count, DateTimeField, F, Min, Q, Value, When
from django_celery_beat.models import PeriodicTask

from integrations import notices
from integrations.connections import Connection
from integrations.notices import Alarm, Notice
from social import queue
from social.explain import AT_ONCE, Situation, delivery_waits, span, what_stops_all
from social.models import Delivery, Engine, Minute, Submission, Upload
from social.moments import moment
from social.publishing import heartbeat
from social.publishing.batching import queued
from social.publishing.heartbeat import Signs
from social.publishing.reconciliation import LONGEST_PAUSE

D = Delivery.Status

TASKS = "social.tasks."
DISPATCH, POLL, SYNC, WATCH = (f"{TASKS}{name}" for name in ("dispatch", "poll", "sync_channels", "watch"))
PACES = {DISPATCH: 10.0, POLL: 3.0, SYNC: 300.0, WATCH: 10.0}
"""Seconds between two runs where Beat has no entry that says so."""
VITAL = {
    DISPATCH: "nothing that is due is sent",
    POLL: "nobody looks for what became of what was sent",
    WATCH: "the next silence is noticed only by whoever looks here",
}
"""The tasks without which HotDash does not do its work, and what then is so."""
PROCESSES = {
    "beat": (
        "Beat shows no sign of life",
        "Beat has not been started yet",
        "It starts what is due: nothing goes on until it is started again.",
    ),
    "worker": (
        "no worker shows a sign of life",
        "no worker has been started yet",
        "Nothing is sent and nothing is looked for until one is started again.",
    ),
}
"""What is said of a kind of process that is gone, of one that was never there, and of both."""
NOT_LOST = "Nothing is lost, and nothing goes twice."
SILENT = ("beat", "worker", "off", "entries", "due")
"""The alarms in which nothing is sent at all; the others tell of what is stuck while the rest goes on."""
COUNTED = 1000
"""More deliveries than that are not counted for an alarm's words."""
TRIED = 20
"""So many of what waits for the longest time are asked for what they wait."""
LOOKS = 3
MINUTES_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Seen:
    """What a reader is shown: who lives, and what operators are told."""

    signs: Signs
    alarms: list[Notice]


def see(situation: Situation) -> Seen:
    """As the watch wrote it down while that goes on, else as it is found here and now. Two queries, or
    eight; writes only where something has changed."""
    signs = Signs.read(situation.now)
    kept = signs.ran.get(WATCH)
    fresh = kept is not None and situation.now - kept <= heartbeat.silent_after()
    if fresh and signs.well_since() is not None:
        return Seen(signs, notices.open_alarms())
    return Seen(signs, look(situation, signs))


def look(situation: Situation, signs: Signs) -> list[Notice]:
    """Look at everything; tell what is new and end what is over. Returns what operators are told now."""
    return notices.sound(list(_silent(situation, signs)), situation.now)


def headline(notice: Notice) -> str:
    """An alarm's headline, with its moment in the reader's zone."""
    return notice.headline.replace("{since}", moment(notice.since))


def keep() -> list[Notice]:
    """What Beat lets a worker do: look, write the minute, and forget what is old."""
    situation = Situation.read()
    told = look(situation, Signs.read(situation.now))
    _write_minute(situation.now, told)
    return told


# ------------------------------------------------------------------------------------------ entries
@dataclass(frozen=True)
class Entry:
    """One of Beat's entries for a task of ours; `pace` in seconds, None where it goes by the calendar."""

    name: str
    task: str
    enabled: bool
    pace: float | None


def _entries() -> list[Entry]:
    rows = PeriodicTask.objects.filter(task__startswith=TASKS).select_related("interval").order_by("name")
    return [
        Entry(
            row.name,
            row.task,
            row.enabled,
            row.interval.schedule.run_every.total_seconds() if row.interval else None,
        )
        for row in rows
    ]


def _patience(pace: float) -> timedelta:
    """Three runs missed, and the time that one may take over its calls."""
    return timedelta(seconds=3 * pace + settings.PUBLISH_LEASE_SECONDS)


def _paces(entries: list[Entry]) -> Mapping[str, float]:
    paces = dict(PACES)
    for entry in entries:
        if entry.enabled and entry.pace is not None:
            paces[entry.task] = entry.pace
    return paces


# ------------------------------------------------------------------------------------------- silent
def _silent(situation: Situation, signs: Signs) -> Iterator[Alarm]:
    """Everything that is silent, each with its cause alone: what a gone process explains is not told too."""
    entries = _entries()
    paces = _paces(entries)
    lasting = LOOKS * paces[WATCH]
    gone = list(_gone(situation, signs))
    stopped = list(_switched_off(entries)) or list(_not_run(situation, signs, entries, lasting))
    yield from gone
    yield from stopped
    yield from _undecided(situation.now, lasting)
    if gone:
        return
    stop = what_stops_all(situation)
    connection = situation.connection
    if connection is None:
        return
    if stop is None and not stopped:
        yield from _unsent(situation, connection, signs, paces[DISPATCH], lasting)
    # A pause of publishing holds what is not stamped; it stops neither looks nor reading the accounts.
    away = what_stops_all(replace(situation, engine=Engine(pk=1)))
    if away is None or connection.trouble:
        yield from _unknown(situation, connection, lasting)
    if away is None and not stopped:
        yield from _not_looked_for(situation, connection, paces[POLL], lasting)
        yield from _not_read(situation, connection, paces[SYNC], lasting)


def _gone(situation: Situation, signs: Signs) -> Iterator[Alarm]:
    """A kind of process that shows no sign of life; one that was never started, once work waits for it."""
    for name, (gone, never, words) in PROCESSES.items():
        if not signs.is_gone(name):
            continue
        last, said = signs.last(name), gone
        if last is None:
            last, said = queue.oldest_due_at(), never
            if last is None or last > situation.now - heartbeat.silent_after():
                continue
        yield Alarm(name, f"Silence since {{since}}: {said}.", f"{words} {NOT_LOST}", last)


def _switched_off(entries: list[Entry]) -> Iterator[Alarm]:
    """A task that has to run and has no entry that is on."""
    on = {entry.task for entry in entries if entry.enabled}
    off = [task for task in VITAL if task not in on]
    if not off:
        return
    so = "; ".join(VITAL[task] for task in off)
    yield Alarm(
        "off",
        f"Silence since {{since}}: {_listed([task.removeprefix(TASKS) for task in off])} "
        f"{'is' if len(off) == 1 else 'are'} switched off.",
        f"{so[0].upper()}{so[1:]}, until somebody switches it on under Schedule. To hold publishing, pause "
        f"it instead. {NOT_LOST}",
    )


def _not_run(situation: Situation, signs: Signs, entries: list[Entry], lasting: float) -> Iterator[Alarm]:
    """An entry that is on and has not run through, though Beat and a worker have lived long enough for it."""
    well_since = signs.well_since()
    if well_since is None:
        return
    late = {}
    for entry in entries:
        if not entry.enabled or entry.pace is None:
            continue
        seen = [well_since, signs.ran.get(entry.task)]
        if entry.task == DISPATCH:  # one that goes on sending for minutes says so on the engine's row
            seen.append(situation.engine.last_seen)
        last = max(at for at in seen if at is not None)
        if situation.now - last > _patience(entry.pace):
            late[entry.name] = last, entry.pace
    if late:
        have = "has not run" if len(late) == 1 else "have not run"
        pace = f" (every {span(next(iter(late.values()))[1])})" if len(late) == 1 else ""
        yield Alarm(
            "entries",
            f"Silence since {{since}}: {_listed(list(late))} {have}.",
            f"Beat and a worker show signs of life, but what Beat starts{pace} is not done. Look at the "
            f"broker and at the workers' log, and start the workers again. {NOT_LOST}",
            min(last for last, _ in late.values()),
            lasting,
        )


def _listed(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


# ------------------------------------------------------------------------------------------- unsent
def _unsent(
    situation: Situation, connection: Connection, signs: Signs, pace: float, lasting: float
) -> Iterator[Alarm]:
    """Due and free to go, and still there."""
    now, patience = situation.now, _patience(pace)
    free = queued(connection, now).filter(
        Q(not_before=None) | Q(not_before__lte=now - patience), due_at__lte=now - patience
    )
    waiting = [row for row in free[:TRIED] if delivery_waits(row, situation) == AT_ONCE]
    if not waiting:
        return
    oldest = min(max(row.due_at, row.not_before or row.due_at) for row in waiting)
    if now - _last_handed_over(now) > patience:
        count = free.order_by().values("pk")[: COUNTED + 1].count()
        count = count if count > TRIED else len(waiting)
        so = "is due, and it was not sent" if count == 1 else "are due, and none was sent"
        yield Alarm(
            "due",
            f"Silence since {{since}}: {_deliveries(count)} {so}.",
            "Every process shows signs of life, and nothing explains it. All of it waits. Look now; if that "
            f"does not help, start the workers again and read their log. {NOT_LOST}",
            max(oldest, signs.well_since() or oldest),
            lasting,
        )
    elif oldest <= now - timedelta(seconds=settings.LATE_AFTER_SECONDS / 2):
        yield Alarm(
            "old",
            "The queue is older than it should be: the oldest delivery waits since {since}.",
            f"Posts are sent, but more slowly than they become due. What is later than "
            f"{span(settings.LATE_AFTER_SECONDS)} waits for a person. Look at the limit, or start another "
            "worker.",
            oldest,
            lasting,
        )


def _last_handed_over(now: datetime) -> datetime:
    """When something last went to the provider, a picture ahead of its post too."""
    stamped = last_stamped()
    uploaded = Upload.objects.order_by("-pk").values_list("created_at", flat=True).first()
    never = now - timedelta(days=3650)
    return max(stamped or never, uploaded or never)


def last_stamped() -> datetime | None:
    """When the last request was made."""
    return Submission.objects.order_by("-pk").values_list("stamped_at", flat=True).first()


def _deliveries(count: int) -> str:
    if count > COUNTED:
        return f"more than {COUNTED:,} deliveries"
    return f"{count:,} deliver{'y' if count == 1 else 'ies'}"


# ------------------------------------------------------------------------------------------- unsure
def _undecided(now: datetime, lasting: float) -> Iterator[Alarm]:
    """What only a person can say, and nobody has said for hours."""
    patience = timedelta(seconds=2 * settings.LATE_AFTER_SECONDS)
    rows = Delivery.objects.filter(status=D.UNCONFIRMED, decide=True, quiet_from__lte=now - patience)
    found = rows.aggregate(count=Count("pk"), since=Min("quiet_from"))
    if found["count"]:
        one = found["count"] == 1
        yield Alarm(
            "decide",
            f"{_deliveries(found['count'])} {'waits' if one else 'wait'} since {{since}} for somebody to say "
            f"whether {'it is' if one else 'they are'} live.",
            "The outcome cannot be told from Publer's list, and nothing but a decision moves "
            f"{'it' if one else 'them'}.",
            found["since"],
            lasting,
        )


def _unknown(situation: Situation, connection: Connection, lasting: float) -> Iterator[Alarm]:
    """Sent, and nothing proves what became of it, though there was time enough for that."""
    now, w = situation.now, timedelta(seconds=settings.RESEND_AFTER_SECONDS)
    patience = 2 * w + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS + LONGEST_PAUSE)
    since = Case(
        When(status=D.ACCEPTED, then=F("submission__stamped_at")),
        When(quiet_from=None, then=Value(situation.engine.trusted_from or now)),
        default=F("quiet_from"),
        output_field=DateTimeField(),
    )
    rows = Delivery.objects.filter(
        status__in=[D.ACCEPTED, D.UNCONFIRMED], decide=False, connection=connection
    ).annotate(since=since)
    # One for later waits for W before its time: there is time until then.
    rows = rows.filter(since__lte=now - patience).exclude(timed=True, due_at__gt=now - patience + w)
    half_looked = Q(status=D.UNCONFIRMED, quiet_from__isnull=False, looks__gte=LOOKS) & (
        Q(looked_from=None) | Q(looked_from__lt=F("quiet_from"))
    )
    found = rows.aggregate(
        unsure=Count("pk", filter=~half_looked),
        unsure_since=Min("since", filter=~half_looked),
        half=Count("pk", filter=half_looked),
        half_since=Min("since", filter=half_looked),
    )
    if count := found["unsure"]:
        yield Alarm(
            "unsure",
            f"The outcome of {_deliveries(count)} is unknown since {{since}}.",
            "Publer is asked again and again, and has proved neither that it was taken nor that it was not. "
            "Nothing is sent twice. Look at the posts that are not confirmed, and at Publer.",
            found["unsure_since"],
            lasting,
        )
    if count := found["half"]:
        yield Alarm(
            "half",
            "Since {since} no look at Publer's list was complete.",
            f"{_deliveries(count)} {'is' if count == 1 else 'are'} looked for. Without a complete look "
            "nothing is known to be absent, and nothing is sent again: the list changes while it is read, "
            "or does not add up.",
            found["half_since"],
            lasting,
        )


def _not_looked_for(
    situation: Situation, connection: Connection, pace: float, lasting: float
) -> Iterator[Alarm]:
    """Due to be looked for, and nobody does."""
    limiter, now = situation.limiter, situation.now
    if limiter is not None and (limiter.paused_until or limiter.waiting):
        return
    patience = _patience(pace) + timedelta(seconds=LONGEST_PAUSE)
    rows = Delivery.objects.filter(
        status__in=[D.ACCEPTED, D.UNCONFIRMED, D.SCHEDULED],
        next_look_at__lte=now - patience,
        connection=connection,
    )
    oldest = rows.order_by("next_look_at").values_list("next_look_at", flat=True).first()
    if oldest is None:
        return
    count = rows.order_by().values("pk")[: COUNTED + 1].count()
    yield Alarm(
        "looks",
        f"Silence since {{since}}: nobody looks for what became of {_deliveries(count)}.",
        "Every process shows signs of life, and nothing explains it. What is out is out; only here it is not "
        "known. Read the workers' log, and start them again.",
        oldest,
        lasting,
    )


def _not_read(situation: Situation, connection: Connection, pace: float, lasting: float) -> Iterator[Alarm]:
    """The accounts were not read for long: what changed at Publer is not known here."""
    limiter = situation.limiter
    if connection.synced_at is None or (limiter is not None and limiter.paused_until):
        return
    if situation.now - connection.synced_at > _patience(pace):
        yield Alarm(
            "accounts",
            "Silence since {since}: the accounts have not been read from Publer.",
            f"They should be every {span(pace)}, and nothing explains why they are not. An account that was "
            "taken off there is not noticed. Read them again under Integrations, and read the workers' log.",
            connection.synced_at,
            lasting,
        )


# ------------------------------------------------------------------------------------------ minutes
def _write_minute(now: datetime, told: list[Notice]) -> None:
    minute = minute_of(now)
    depth = queue.depth().depth
    row, new = Minute.objects.get_or_create(at=minute, defaults={"depth": depth})
    if row.depth != depth:
        Minute.objects.filter(at=minute).update(depth=depth)
    stamped = last_stamped()
    if stamped is not None and minute - stamped < timedelta(minutes=2):
        Minute.objects.filter(at=minute_of(stamped), sent=False).update(sent=True)
    for notice in told:
        if notice.about in SILENT:
            since = Minute.objects.filter(at__gte=minute_of(notice.since), sent=False, silent=False)
            since.update(silent=True)
    if new:
        Minute.objects.filter(at__lt=now - MINUTES_KEPT).delete()
        heartbeat.forget_the_dead(now)
        notices.forget(now)


def minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
