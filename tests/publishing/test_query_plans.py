"""What is asked every few seconds costs by what is open, never by what is finished: the database's own plans
say so."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from hotdash import bar
from integrations.connections import Connection
from social import clock
from social.api import dashboard
from social.demo import bulk, seed
from social.models import Delivery
from social.publishing import batching, polling, recalling, reconciliation, submission
from tests.publishing.conftest import MakePost
from tests.publishing.provider import FakePubler

FINISHED = 2000
OPEN = {
    "delivery_queue",
    "delivery_to_look_for",
    "delivery_leases",
    "one_owner_a_provider_post",
}
"""Indexes that hold nothing finished; and by status, where only open ones are asked for."""
BY_STATUS = "delivery_by_status"


@pytest.fixture
def at_work(provider: FakePubler, approved: MakePost) -> Connection:
    """A table full of finished deliveries, with a few that are open. PostgreSQL gathers statistics by itself,
    SQLite has none."""
    seed.seed()
    bulk.top_up(FINISHED)
    for number in range(5):
        approved(f"Open number {number}.", "twitter", "linkedin")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return Connection.objects.get(connected=True)


@contextmanager
def plans() -> Iterator[list[tuple[str, str]]]:
    """The statements that read deliveries inside, each with the plan that the database has for it."""
    asked: list[tuple[str, Any]] = []
    told: list[tuple[str, str]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many and "social_delivery" in sql and not sql.startswith("INSERT"):
            asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield told
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connection.cursor() as cursor:
        for sql, params in asked:
            cursor.execute(explain + sql, params)
            told.append((sql, "\n".join(str(row[-1]) for row in cursor.fetchall())))


def reads_of_deliveries(plan: str) -> list[str]:
    """How a plan comes to rows of deliveries: the names of indexes, "" for a scan of the table."""
    if connection.vendor == "postgresql":
        by_index = re.findall(r"Index (?:Only )?Scan (?:Backward )?using (\S+) on social_delivery\b", plan)
        # Below the scan of a table's heap stand those of its indexes, up to the next table's.
        heaps = re.split(r"Bitmap Heap Scan on (?=\w)", plan)[1:]
        ours = [heap for heap in heaps if re.match(r"social_delivery\b", heap)]
        bitmaps = [name for heap in ours for name in re.findall(r"Bitmap Index Scan on (\S+)", heap)]
        return by_index + bitmaps + [""] * len(re.findall(r"Seq Scan on social_delivery\b", plan))
    found = re.findall(r"(?:SCAN|SEARCH) (?:social_delivery|[TUVW]\d+)\b(.*)", plan)
    names = [re.search(r"INDEX (\w+)|(INTEGER PRIMARY KEY)", how) for how in found]
    return [(name[1] or "primary key") if name else "" for name in names]


def asks(name: str, act: Callable[[Connection], object]) -> Any:
    return pytest.param(act, id=name)


def _one(at_publer: Connection) -> Delivery:
    return batching.queued(at_publer, now())[0]


def _listed() -> Any:
    return SimpleNamespace(id="finished-7")


def now() -> Any:
    return clock.now()


@pytest.mark.parametrize(
    "act",
    [
        asks("what is sent next", lambda c: list(batching.queued(c, now())[:200])),
        asks("the next moment", lambda c: batching.next_moment(c, now())),
        asks("leases that are over", lambda c: submission.expire_leases()),
        asks("whether to look", lambda c: polling._due(c, now())),
        asks("what to look for", lambda c: reconciliation.to_look_for(c, now())),
        asks("the jobs to ask for", lambda c: polling.poll_jobs(c, None)),  # type: ignore[arg-type]
        asks("whose the listed posts are", lambda c: reconciliation._owners([_one(c)], [_listed()], {})),
        asks("what to recall", lambda c: recalling.ask(c, None)),  # type: ignore[arg-type]
        asks("since when something waits", lambda c: bar._oldest_waiting(now())),
        asks("the badge", lambda c: bar._counted()),
        asks("the queue's depth", lambda c: dashboard._queue(now())),
        asks("what is due next", lambda c: dashboard._next_due(now())),
    ],
)
def test_a_look_at_what_is_open_reads_nothing_finished(
    at_work: Connection, act: Callable[[Connection], object]
) -> None:
    with plans() as told:
        act(at_work)

    assert told
    for sql, plan in told:
        reads = reads_of_deliveries(plan)
        assert reads, plan
        assert set(reads) <= OPEN | {BY_STATUS, "post_by_status", "primary key"}, f"{sql}\n{plan}"


def test_the_stamp_reads_of_an_account_only_what_is_near(at_work: Connection, settings: Any) -> None:
    settings.PUBLISH_GAP_SECONDS = 60
    settings.PUBLER_PLAN = "business"
    planned = list(batching.queued(at_work, now())[:2])

    with plans() as told:
        submission._Others.of(planned, "now", now())  # type: ignore[arg-type]
        reconciliation._former_owners(planned, now().date())

    assert len(told) == 3
    for sql, plan in told:
        assert set(reads_of_deliveries(plan)) <= OPEN | {BY_STATUS, "delivery_gap"}, f"{sql}\n{plan}"
