"""Signs of life: of the engine (gaps in it matter for what is sent), and of the processes (people look at
them)."""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import Case, F, Max, Q, Value, When

from social import clock
from social.models import Engine, Heartbeat

log = structlog.get_logger("hotdash.heartbeat")

EVERY = 5.0
"""Seconds between two signs of life of a process."""
FORGOTTEN_AFTER = timedelta(minutes=10)
"""A process that fell silent is shown for so long, if another one of its kind lives."""


def silent_after() -> timedelta:
    """A process without a sign of life for so long counts as gone: three signs, and three looks at what is
    due, were missed."""
    return timedelta(seconds=3 * max(EVERY, settings.DISPATCH_INTERVAL_SECONDS))


@dataclass(frozen=True)
class Signs:
    """All signs of life, as of one moment: of the processes, and when each of Beat's tasks last ran
    through."""

    now: datetime
    processes: Sequence[Heartbeat]
    ran: Mapping[str, datetime]

    @classmethod
    def read(cls, now: datetime) -> "Signs":
        """One query."""
        rows = list(Heartbeat.objects.order_by("name", "host", "pid"))
        return cls(
            now,
            [row for row in rows if row.name in ("beat", "worker")],
            {row.name: row.at for row in rows if row.name not in ("beat", "worker")},
        )

    def is_alive(self, row: Heartbeat) -> bool:
        return not row.ended and self.now - row.at <= silent_after()

    def alive(self, name: str) -> list[Heartbeat]:
        """The living processes of a kind: "beat" or "worker"."""
        return [row for row in self.processes if row.name == name and self.is_alive(row)]

    def last(self, name: str) -> datetime | None:
        """The last sign of any process of a kind; None where none was ever seen."""
        return max((row.at for row in self.processes if row.name == name), default=None)

    def is_gone(self, name: str) -> bool:
        """Whether no process of a kind has been seen for too long. One that was stopped may be started anew
        meanwhile."""
        last = self.last(name)
        return last is None or self.now - last > silent_after()

    def well_since(self) -> datetime | None:
        """Since when both kinds live without a break; None where one does not."""
        kinds = [self.alive("beat"), self.alive("worker")]
        if not all(kinds):
            return None
        return max(min(row.since for row in kind) for kind in kinds)


def engine_looked() -> Engine:
    """The engine looks for work: note it, and notice a gap in its own life. Returns the row as it then is."""
    with transaction.atomic():
        engine = Engine.objects.select_for_update().get(pk=1)
        note_life(engine, clock.now())
    return engine


def note_life(engine: Engine, now: datetime) -> None:
    """On the locked row: after a silence longer than `ENGINE_GAP_SECONDS` (a long stop, a restored backup)
    nothing that was made before is sent until it was looked for."""
    silence = timedelta(seconds=settings.ENGINE_GAP_SECONDS)
    if engine.last_seen is None or now - engine.last_seen > silence:
        log.warning("gap", last_seen=str(engine.last_seen), trusted_from=str(now))
        engine.trusted_from = now
    engine.last_seen = now
    engine.save(update_fields=["last_seen", "trusted_from"])


def distrust_the_past() -> None:
    """The database has forgotten something that happened: treat it as restored."""
    with transaction.atomic():
        engine = Engine.objects.select_for_update().get(pk=1)
        engine.trusted_from = clock.now()
        engine.save(update_fields=["trusted_from"])


def beat_is_alive() -> None:
    """Beat writes this every few seconds."""
    _alive("beat", _host(), os.getpid())


def worker_is_alive() -> None:
    """Each worker writes this every few seconds."""
    _alive("worker", _host(), os.getpid())


def worker_ends() -> None:
    """It was asked to stop, and says so: nobody need wonder where it is."""
    try:
        Heartbeat.objects.filter(name="worker", host=_host(), pid=os.getpid()).update(ended=True)
    except DatabaseError as error:
        log.warning("no word of the end", error=type(error).__name__)


_ran: dict[str, float] = {}


def task_ran(name: str) -> None:
    """A task of Beat's ran through, in whichever process; written down every few seconds at most."""
    if time.monotonic() - _ran.get(name, -EVERY) < EVERY:
        return
    _ran[name] = time.monotonic()
    _alive(name)


def _host() -> str:
    return socket.gethostname()[:200]


def _alive(name: str, host: str = "", pid: int = 0) -> None:
    """Never raises: a process does not end because it could not say that it lives."""
    close_old_connections()
    try:
        now = clock.now()
        rows = Heartbeat.objects.filter(name=name, host=host, pid=pid)
        anew = Q(at__lt=now - silent_after()) | Q(ended=True)
        since = Case(When(anew, then=Value(now)), default=F("since"))
        if not rows.update(since=since, at=now, ended=False):
            Heartbeat.objects.get_or_create(name=name, host=host, pid=pid, defaults={"at": now, "since": now})
    except DatabaseError as error:
        log.warning("no heartbeat", process=name, error=type(error).__name__)


def forget_the_dead(now: datetime) -> None:
    """Drop processes that have been silent for long; the last of each kind stays: it says since when."""
    last = dict(Heartbeat.objects.order_by().values_list("name").annotate(Max("at")))
    for name in ("beat", "worker"):
        if name in last:
            gone = Heartbeat.objects.filter(name=name, at__lt=min(now - FORGOTTEN_AFTER, last[name]))
            gone.delete()
