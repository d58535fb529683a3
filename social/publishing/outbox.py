"""Look now: everything that is due is sent, one request after the other, until nothing is due or nothing
may go."""

import contextlib
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef
from kombu.exceptions import OperationalError

from integrations.connections import Connection
from integrations.errors import Held, OutcomeUnknown, ProviderError, Refused
from integrations.publer.client import PublerClient
from social import clock
from social.models import Delivery, Media, RevisionMedia, Upload
from social.networks.failures import PICTURE_TOO_LARGE, meaning
from social.publishing import connect, pausepoint, resuming, submission
from social.publishing.batching import Plan, next_moment, plan
from social.publishing.heartbeat import engine_looked
from social.workflow import deliveries as steps

log = structlog.get_logger("hotdash.publishing")


AT_ONCE = 2
"""Of a process's threads, so many send: one, and another while that waits for a silent provider. More would
only plan what others are about to stamp."""

_turns = threading.BoundedSemaphore(AT_ONCE)
_asked = threading.Event()


def send_what_is_due() -> int:
    """Plan, leave, stamp, send and record until nothing more may go. Returns the number of requests sent.

    Where enough threads of this process are at it, one of them looks once more instead.
    """
    sent = 0
    _asked.set()
    while _asked.is_set() and _turns.acquire(blocking=False):
        try:
            _asked.clear()
            sent += _send_what_is_due()
        finally:
            _turns.release()
    return sent


def _send_what_is_due() -> int:
    engine = engine_looked()
    submission.expire_leases()
    connection = connect.current_or_sync()
    if connection is None:
        return 0
    resuming.look_for_what_elapsed(connection, engine)
    try:
        publer = connect.client(connection.workspace)
    except ProviderError as error:
        connect.in_trouble(connection, error)
        return 0
    sent, held_for = 0, None
    while (planned := plan(connection, engine, clock.now())) is not None:
        pausepoint.reached("planned")
        try:
            if not upload_pictures(planned, publer):
                continue
            leave = publer.leave(planned.priority)
        except Held as held:
            log.info("held", reason=held.reason, seconds=round(held.seconds, 1))
            held_for = held.seconds
            break
        except ProviderError as error:
            connect.in_trouble(connection, error)
            break
        pausepoint.reached("leave")
        if submission.submit(planned, publer, leave):
            sent += 1
        elif not _progress(planned):
            break
        connection.refresh_from_db()
        engine.refresh_from_db()  # the stamp noted that it lives
    _come_back(connection, held_for)
    return sent


def _come_back(connection: Connection, held_for: float | None) -> None:
    """Ask to look again at the very moment at which something may go, where that is before Beat's next look.

    Asked for once a moment, since each look would ask again. Without the cache, Beat's look has to do.
    """
    now = clock.now()
    moment = next_moment(connection, now) if held_for is None else now + timedelta(seconds=held_for)
    if moment is None or moment - now > timedelta(seconds=settings.DISPATCH_INTERVAL_SECONDS):
        return
    if cache.add(f"come-back-{moment:%H%M%S}", True, timeout=60):
        nudge(in_seconds=(moment - now).total_seconds() + 0.05)


def _progress(planned: Plan) -> bool:
    """Whether the rows of a plan that was not sent have left the queue or wait for a moment: else somebody
    else holds them, and planning again at once would find the same."""
    now = clock.now()
    return not any(
        row.status == Delivery.Status.QUEUED and (row.not_before is None or row.not_before <= now)
        for row in Delivery.objects.filter(pk__in=[row.pk for row in planned.deliveries])
    )


def upload_pictures(planned: Plan, publer: PublerClient) -> bool:
    """Bring the pictures of a plan to the provider, each once a connection; False where a delivery fell out.

    An upload is no post: one whose outcome is unknown is made again, later. Raises the client's errors.
    """
    complete = True
    missing = _not_there_yet(planned)
    for row in planned.deliveries:
        for media_id in missing.get(row.revision_id, ()):
            if Upload.objects.filter(connection=planned.connection, media=media_id).exists():
                continue  # by now: another of these posts shows it, too
            media = Media.objects.with_bytes().get(pk=media_id)
            try:
                kept = publer.upload_media(
                    bytes(media.content), _filename(media), media.content_type, planned.priority
                )
            except Refused as error:
                if error.kind != "permanent" and not error.too_large:
                    raise
                said = " ".join(error.errors) or error.message
                known = PICTURE_TOO_LARGE if error.too_large else meaning(row.channel.network, said)
                steps.move(
                    row,
                    "cannot be built",
                    problem=known.told("Publer")
                    if known
                    else f"Publer refused the picture: “{said}”. Choose another; a new approval is asked.",
                    provider_words=error.body,
                    retry_helps=known is not None and known.retry_helps,
                    note=said,
                )
                complete = False
                break
            except OutcomeUnknown as error:
                # Whether it is this picture or Publer: the others may go on, and are told by their own calls.
                connect.in_trouble(planned.connection, error)
                again = clock.now() + timedelta(seconds=connect.LONGEST_WAIT)
                steps.hold([row], again, "Publer gave no clear answer to its picture")
                complete = False
                break
            Upload.objects.get_or_create(
                connection=planned.connection,
                media=media,
                defaults={"provider_id": kept.id, "path": kept.path},
            )
    return complete


def _not_there_yet(planned: Plan) -> dict[int, list[str]]:
    """The pictures that the provider does not have yet, by their revision, in their order."""
    there = Upload.objects.filter(connection=planned.connection, media=OuterRef("media"))
    shown = RevisionMedia.objects.filter(revision__in={row.revision_id for row in planned.deliveries})
    missing: dict[int, list[str]] = {}
    for revision, media in (
        shown.exclude(Exists(there)).order_by("position").values_list("revision_id", "media_id")
    ):
        missing.setdefault(revision, []).append(media)
    return missing


def _filename(media: Media) -> str:
    """A name that tells nothing of ours."""
    return f"{media.sha256[:16]}.{media.content_type.rpartition('/')[2]}"


# ---------------------------------------------------------------------------------------------- nudge
NUDGE_AGAIN_AFTER = 5.0
"""Seconds in which a process does not try a broker again that was away; Beat looks meanwhile."""

_gathering: ContextVar[list[bool] | None] = ContextVar("gathering", default=None)
_broker_away_until = 0.0


def nudge_on_commit(**_: Any) -> None:
    """When the running transaction commits, tell a worker to look now."""
    gathered = _gathering.get()
    if gathered is not None:
        gathered.append(True)
    else:
        transaction.on_commit(nudge)


@contextlib.contextmanager
def one_nudge() -> Iterator[None]:
    """Of all that is decided inside, one nudge at the end: for decisions on many posts at once."""
    token = _gathering.set([])
    try:
        yield
    finally:
        asked = _gathering.get()
        _gathering.reset(token)
        if asked:
            transaction.on_commit(nudge)


def nudge(in_seconds: float = 0) -> None:
    """Ask a worker to look now, or in so many seconds (at most a minute: longer waits stand on the row).

    A broker that is away costs seconds, never the decision that led here.
    """
    global _broker_away_until
    if time.monotonic() < _broker_away_until:
        return
    if not _sent("dispatch", in_seconds):
        _broker_away_until = time.monotonic() + NUDGE_AGAIN_AFTER


def look_now() -> bool:
    """A person wants a worker to send what is due, and to look for what became of the rest, now. False where
    the broker is away."""
    return _sent("dispatch") and _sent("poll")


def _sent(task: str, in_seconds: float = 0) -> bool:
    try:
        current_app.send_task(
            f"social.tasks.{task}", countdown=in_seconds or None, retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as error:
        log.warning("broker away: Beat will look", error=type(error).__name__)
        return False
    return True
