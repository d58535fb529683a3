"""What benchmarks do inside of HotDash, in a process of its own: `python -m bench._probe NAME [ARGUMENT…]`
prints JSON."""

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from integrations.connections import Connection  # noqa: E402
from social import clock, workflow  # noqa: E402
from social.demo import bulk  # noqa: E402
from social.models import Delivery  # noqa: E402
from social.publishing import batching, connect, heartbeat, polling, submission  # noqa: E402
from social.workflow import Actor  # noqa: E402
from tests.many import in_turn, make_pending, text_channels  # noqa: E402

BATCH = 50
TOGETHER = 200
"""Posts that are approved in one transaction."""


def propose(posts: int, each: int, channels: int, seed: str = "") -> list[int]:
    """Posts that wait for approval, on channels in turn, or by a seed."""
    chosen = text_channels(channels)
    if not seed:
        return make_pending(posts, in_turn(chosen, each))
    dice = random.Random(seed)  # noqa: S311
    return make_pending(posts, iter(dice.sample(chosen, each) for _ in range(posts)))


def approve(posts: int, each: int, channels: int, words: str = "Piece") -> int:
    """Queue so many deliveries; their number."""
    before = Delivery.objects.count()
    _approved(make_pending(posts, in_turn(text_channels(channels), each), words))
    return Delivery.objects.count() - before


def _approved(made: list[int]) -> None:
    bob = Actor(User.objects.get(username="bob"))
    for start in range(0, len(made), TOGETHER):
        refused = workflow.approve_all(dict.fromkeys(made[start : start + TOGETHER], ""), bob)
        if refused:
            raise RuntimeError(str(next(iter(refused.values()))))


def finish(posts: int) -> float:
    """See to it that there are so many finished posts; the seconds that it took."""
    begun = time.perf_counter()
    bulk.top_up(posts)
    if connection.vendor == "postgresql":  # as it does by itself, some minutes later
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return time.perf_counter() - begun


def dispatch(rounds: int) -> dict[str, float]:
    """Milliseconds of the steps of a round, 50 deliveries each, nobody else being at work."""
    taken: dict[str, list[float]] = {}

    def timed(name: str, act: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        answer = act()
        taken.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
        return answer

    at_publer = connect.current()
    assert at_publer is not None
    publer = connect.client(at_publer.workspace)
    heartbeat.engine_looked()  # what is made from now on, it need not look for first
    for number in range(rounds):
        _approved(make_pending(5, in_turn(text_channels(50), 10), f"of round {number}"))
        engine = heartbeat.engine_looked()
        planned = timed("plan", partial(batching.plan, at_publer, engine, clock.now()))
        stamped = timed("stamp", partial(submission.stamp, planned))
        assert stamped.items.count() == BATCH
        outcome = submission._send(stamped, publer, publer.leave())
        timed("record", partial(submission.record, stamped.pk, outcome))
        timed("poll, nothing due", polling.follow_up)
        time.sleep(0.3)  # the sandbox's job
        Delivery.objects.filter(submission=stamped).update(next_look_at=clock.now())
        timed("poll, 50 found", polling.follow_up)
        left = Delivery.objects.filter(submission=stamped).exclude(status="published").count()
        assert left == 0, f"{left} were not found"
    return {name: median(times) for name, times in taken.items()}


def floor(deliveries: int, part: int, parts: int, begin: float) -> float:
    """The writes of batches of 50, from stamp to record, as bare SQL, beside other processes with other parts
    of the queue that begin at the same moment: deliveries a second."""
    queued = Delivery.objects.filter(status="queued").order_by("pk").values_list("pk", "post_id")
    mine = list(queued[:deliveries])[part::parts]
    batches = [mine[start : start + BATCH] for start in range(0, len(mine), BATCH)]
    workspace = Connection.objects.get(connected=True).pk
    time.sleep(max(0.0, begin - time.time()))
    started = time.perf_counter()
    for rows in batches:
        with transaction.atomic(), connection.cursor() as cursor:
            submission_pk = _write_stamp(cursor, workspace, rows)
        with transaction.atomic(), connection.cursor() as cursor:
            _write_record(cursor, submission_pk, rows)
    return len(mine) / (time.perf_counter() - started)


Rows = Sequence[tuple[int, int]]
BODY = json.dumps({"bulk": {"posts": ["x" * 200] * BATCH}})


def _write_stamp(cursor: Any, workspace: int, rows: Rows) -> int:
    now = clock.now()
    cursor.execute("UPDATE social_engine SET last_seen = %s WHERE id = 1", [now])
    cursor.execute(
        "INSERT INTO social_submission (connection_id, kind, body, state, stamped_at, lease_until, answer,"
        " job_id, job_state, job_failures, polls)"
        " VALUES (%s, 'now', %s, 'stamped', %s, %s, '', '', '', '[]', 0) RETURNING id",
        [workspace, BODY, now, now],
    )
    pk = int(cursor.fetchone()[0])
    cursor.execute(
        "UPDATE social_delivery SET status = 'sending', submission_id = %s, lease_until = %s,"  # noqa: S608
        " attempts = attempts + 1, first_stamped_at = coalesce(first_stamped_at, %s), goes_at = %s,"
        " quiet_from = NULL, looks = 0, next_look_at = NULL, looked_from = NULL, candidates = '[]',"
        f" hold = '', not_before = NULL WHERE status = 'queued' AND id IN ({_marks(rows)})",
        [pk, now, now, now, *(row for row, _ in rows)],
    )
    _write_events(cursor, rows, ("stamped", "queued", "sending", f"submission {pk}"))
    _insert(
        cursor,
        "social_submissionitem (submission_id, delivery_id, open)",
        [(pk, row, True) for row, _ in rows],
    )
    return pk


def _write_record(cursor: Any, pk: int, rows: Rows) -> None:
    now = clock.now()
    cursor.execute(
        "UPDATE social_submission SET state = 'taken', job_id = %s, answered_at = %s, answer = %s"
        " WHERE id = %s",
        [f"floor-{pk}", now, "{}", pk],
    )
    cursor.execute(
        "UPDATE social_delivery SET status = 'accepted', looks = 0, next_look_at = %s, lease_until = NULL"  # noqa: S608
        f" WHERE submission_id = %s AND status = 'sending' AND id IN ({_marks(rows)})",
        [now + timedelta(hours=1), pk, *(row for row, _ in rows)],
    )
    cursor.execute(
        "UPDATE social_submissionitem SET open = %s WHERE submission_id = %s"  # noqa: S608
        f" AND delivery_id IN ({_marks(rows)})",
        [True, pk, *(row for row, _ in rows)],
    )
    _write_events(cursor, rows, ("taken over", "sending", "accepted", f"job floor-{pk}"))


def _write_events(cursor: Any, rows: Rows, words: tuple[str, str, str, str]) -> None:
    now = clock.now()
    _insert(
        cursor,
        "social_event (post_id, delivery_id, actor_name, is_person, verb, from_status, to_status, note, data,"
        " created_at)",
        [(post, row, "HotDash", False, *words, "{}", now) for row, post in rows],
    )


def _insert(cursor: Any, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    one = f"({', '.join(['%s'] * len(rows[0]))})"
    cursor.execute(
        f"INSERT INTO {into} VALUES {', '.join([one] * len(rows))}",  # noqa: S608 (our own names)
        [value for row in rows for value in row],
    )


def _marks(rows: Rows) -> str:
    return ", ".join(["%s"] * len(rows))


def main() -> None:
    name, *arguments = sys.argv[1:]
    act = {"propose": propose, "approve": approve, "finish": finish, "dispatch": dispatch, "floor": floor}[
        name
    ]
    print(json.dumps(act(*map(_value, arguments))))  # type: ignore[operator]


def _value(argument: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(argument)
        except ValueError:
            continue
    return argument


if __name__ == "__main__":
    main()
