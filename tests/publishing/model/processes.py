"""Processes that halt and die anywhere.

A process is a greenlet: it gives way where the engine names a point or calls the provider, and goes on when a
rule says so, in any order. One that never goes on is one that died there.
"""

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenlet import greenlet

from tests.publishing.model.publer import Fate

WORKER_POINTS = ("planned", "leave", "stamped", "leaving", "answering", "sent", "recorded")
READER_POINTS = ("deleting", "reading", "looked", "decided", "asking")
COMMITS = ("is rolled back", "stays, which nobody knows")


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


class Ends:
    """A process dies before its nth write to the database: the transaction that it has open is rolled back,
    and no `finally` of it writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes
        self.dead = False

    def __call__(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        verb = str(sql).split(None, 1)[0].upper()
        if verb in ("ROLLBACK", "RELEASE", "SAVEPOINT"):
            return execute(sql, params, many, context)
        if not self.dead and verb in ("INSERT", "UPDATE", "DELETE"):
            self.left -= 1
            self.dead = self.left < 0
        if self.dead:
            raise Killed
        return execute(sql, params, many, context)


@dataclass(eq=False)
class Process:
    """A worker or a reader. `commit`: what becomes of the COMMIT of its stamps; `until`: the point at which
    it is to halt; `at`: the one at which it stands."""

    name: str
    work: Callable[[], object]
    fate: Fate = field(default_factory=Fate)
    commit: str = "stays"
    ends: Ends | None = None
    until: str | None = None
    at: str = ""
    begun: datetime | None = None
    stamped: datetime | None = None
    halted: bool = False
    body: greenlet = field(init=False)

    def __post_init__(self) -> None:
        self.body = greenlet(self.work)
        self.body.gr_context = copy_context()

    def __str__(self) -> str:
        told = [repr(self.fate)] if self.fate != Fate() else []
        told += [f"the COMMIT of its stamp {self.commit}"] if self.commit != "stays" else []
        told += [f"it will die before write {self.ends.left + 1}"] if self.ends else []
        return f"{self.name} starts" + (f" ({', '.join(told)})" if told else "")
