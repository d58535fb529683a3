"""The world around the engine: its clocks, its processes, its database's backup, and the story that is told.

The engine is the real one, on the real database; one thing runs at a time.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction
from greenlet import getcurrent

from integrations.ratelimit import Leave, LimiterState, Priority, Wait
from social import clock, workflow
from social.models import Delivery, Engine
from social.publishing import connect, outbox, pausepoint, polling, submission
from tests.publishing.conftest import Clock
from tests.publishing.model.processes import Ends, Killed, Process
from tests.publishing.model.publer import LAG, Fate, Publer, V
from tests.publishing.model.truth import Known, Truth


def leaves_within() -> timedelta:
    """B1 of the protocol: from its stamp on, a request leaves in so much time, or never."""
    return timedelta(seconds=settings.PUBLISH_LEASE_SECONDS + settings.RESEND_AFTER_SECONDS - V - LAG)


class Leaves:
    """The limiter on the test's clock: the real one goes by that of its store."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.until: datetime | None = None
        self.reason: Any = "limit"

    def acquire(
        self, priority: Priority = Priority.BACKGROUND, cost: int = 1, route: str = ""
    ) -> Leave | Wait:
        now = self.world.clock.now()
        if self.until is not None and now < self.until:
            return Wait((self.until - now).total_seconds(), self.reason)
        return Leave("leave", priority, cost, route)

    def observe(self, leave: Leave, status: int, headers: Mapping[str, str], cost: Any = None) -> None:
        if status == 429:
            self.use_up(30)

    def use_up(self, seconds: float) -> None:
        self.until, self.reason = self.world.clock.now() + timedelta(seconds=seconds), "limit"

    def give_back(self, leave: Leave) -> None: ...

    def lost(self, leave: Leave) -> None: ...

    def pause(self, seconds: float, reason: str) -> None:
        self.until, self.reason = self.world.clock.now() + timedelta(seconds=seconds), "paused"

    def resume(self) -> None:
        self.until = None

    def state(self, route: str = "") -> LimiterState:
        return LimiterState(limit=100, remaining=100, resets_at=None, paused_until=None, reason="")


@dataclass(frozen=True)
class Backup:
    savepoint: str
    at: datetime
    known: Known
    paused: bool


class World:
    """Everything but the engine. `begin` is a new morning: one story."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.leaves = Leaves(self)
        self.provider_is_off = timedelta()
        self.provider = Publer(self)
        self.running: Process | None = None
        self._stamp = submission.stamp
        self.begin()

    def begin(self) -> None:
        self.clock.moment = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        self.database_is_off = self.host_is_off = self.provider_is_off = timedelta()
        self.leaves.until = None
        self.provider.begin()
        self.processes: list[Process] = []
        self.dead: list[Process] = []
        self.story: list[str] = []
        self.wrong = False
        self.truth = Truth(self)
        self.backup: Backup | None = None

    @contextmanager
    def around_the_engine(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Put it where the engine meets the world: clocks, the limiter, the points, the broker."""
        monkeypatch.setattr(clock, "now", self.database_now)
        monkeypatch.setattr("django.utils.timezone.now", lambda: self.clock.now() + self.host_is_off)
        monotonic = SimpleNamespace(monotonic=lambda: self.clock.now().timestamp())
        monkeypatch.setattr(submission, "time", monotonic)
        monkeypatch.setattr(submission, "stamp", self.stamp)
        monkeypatch.setattr(pausepoint, "reached", self.reached)
        monkeypatch.setattr(connect, "limiter_for", lambda *_: self.leaves)
        monkeypatch.setattr(outbox, "nudge", lambda in_seconds=0.0: None)
        connect._client.cache_clear()
        yield
        connect._client.cache_clear()

    # ---------------------------------------------------------------------------------------------- story
    def say(self, words: str) -> None:
        self.story.append(f"{self.clock.now():%H:%M:%S}  {words}")

    def fail(self, words: str) -> NoReturn:
        self.wrong = True
        raise AssertionError("\n".join([words, "", "The story:", *self.story]))

    def broke(self, error: Exception) -> None:
        """What may never happen: something raised that is no answer."""
        self.wrong = True
        error.add_note("\n".join(["The story:", *self.story]))

    # --------------------------------------------------------------------------------------------- clocks
    def database_now(self) -> datetime:
        return self.clock.now() + self.database_is_off

    def pass_time(self, seconds: float) -> None:
        """Let time pass; what the provider does meanwhile happens in its order."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while (moment := self.provider.next_event()) is not None and moment <= end:
            self.clock.moment = max(self.clock.moment, moment)
            self.provider.work()
        self.clock.moment = end

    # ------------------------------------------------------------------------------------------ processes
    def start(self, process: Process, until: str | None = None, *, told: bool = True) -> None:
        if told:
            self.say(str(process))
        process.begun = self.database_now()
        self.processes.append(process)
        self.go_on(process, until)

    def go_on(self, process: Process, until: str | None = None) -> None:
        """Let it run to its end, or to the next time that it comes to a point."""
        process.until, process.at, self.running = until, "", process
        dies = connection.execute_wrapper(process.ends) if process.ends else contextlib.nullcontext()
        try:
            with dies:
                process.body.switch()
        except Killed:
            self.say(f"{process.name} dies")
            connection.needs_rollback = False
        except Exception as error:
            if not self.wrong:
                self.broke(error)
            raise
        finally:
            self.running = None
        if process.at:
            process.halted = True
            self.say(f"{process.name} halts at “{process.at}”")
            return
        self.processes.remove(process)
        if not process.halted and process.ends is None:
            self.truth.looked(process)

    def reached(self, point: str) -> None:
        """The engine comes to a point: it goes on at once unless its process is to halt here."""
        process = self.running
        if process is None:
            return
        if point == "stamped":
            process.stamped = self.clock.now()
            self.truth.stamped(process)
        if process.until == point:
            process.until, process.at = None, point
            parent = getcurrent().parent
            assert parent is not None
            parent.switch()

    def is_too_late_to_leave(self, process: Process) -> bool:
        if process.at != "leaving" or process.stamped is None:
            return False
        return self.clock.now() - process.stamped > leaves_within()

    def kill(self, process: Process) -> None:
        """It does not go on. What it holds in memory is let go of at the end of the story."""
        self.processes.remove(process)
        self.dead.append(process)
        self.say(f"{process.name} dies at “{process.at}”")

    def bury(self) -> None:
        """Unwind what never ended, without a write."""
        nothing = Ends(0)
        nothing.dead = True
        for process in [*self.processes, *self.dead]:
            with connection.execute_wrapper(nothing), contextlib.suppress(BaseException):
                process.body.throw(Killed)
            connection.needs_rollback = False
        self.processes, self.dead = [], []

    def stamp(self, plan: Any) -> Any:
        """The engine's stamp, whose COMMIT may fail, or be answered by nobody."""
        process = self.running
        if process is None or process.commit == "stays":
            return self._stamp(plan)
        with transaction.atomic():
            self._stamp(plan)
            transaction.set_rollback(process.commit == "is rolled back")
        raise OperationalError("the connection was lost during COMMIT")

    def look(self, fate: Fate | None = None) -> None:
        """A worker and a reader, one after the other, as Beat asks for them."""
        self.start(Process("a worker", outbox.send_what_is_due, fate or Fate()), told=False)
        self.start(Process("a reader", polling.follow_up), told=False)

    def settle(self) -> None:
        """Look every 45 s until nothing is to come, for at most an hour; then only now and then, for a
        day."""
        for turn in range(110):
            self.look()
            if all(self.truth.ended(row) for row in Delivery.objects.all()):
                return
            self.pass_time(45 if turn < 80 else 3000)
            if turn >= 80:
                Engine.objects.update(last_seen=self.database_now())  # as if it had looked all the time

    # -------------------------------------------------------------------------------------------- backups
    def take_backup(self) -> None:
        truth = self.truth
        self.backup = Backup(transaction.savepoint(), self.clock.now(), truth.known.copy(), truth.paused)
        self.say("a backup of the database is taken")

    def restore(self) -> None:
        """As the protocol asks: stop all, put the backup back, wait W, start."""
        backup, truth = self.backup, self.truth
        assert backup is not None
        self.say(f"all is stopped, the database of {backup.at:%H:%M:%S} is put back, and W is waited")
        for process in list(self.processes):
            self.kill(process)
        transaction.savepoint_rollback(backup.savepoint)
        truth.known, truth.paused, truth.restored = backup.known.copy(), backup.paused, True
        self.provider.keep_what_is_assumed()
        self.pass_time(settings.RESEND_AFTER_SECONDS)

    # --------------------------------------------------------------------------------------------- people
    def does(self, who: str, what: str, verb: Callable[[], object]) -> bool:
        """A person does something; whether it was done. A refusal in words is an answer like any other."""
        try:
            verb()
        except workflow.Refusal as refusal:
            self.say(f"{who} {what}: refused, “{refusal}”")
            if not str(refusal):
                self.fail(f"{who} {what} and was refused without a word.")
            return False
        except Exception as error:
            self.broke(error)
            raise
        self.say(f"{who} {what}")
        return True
