"""The watch: what falls silent is told to operators once, what is explained is not, and over is over."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from integrations import notices
from integrations.connections import Connection
from integrations.notices import Alarm, Notice
from integrations.ratelimit import LimiterState, Priority
from integrations.ratelimit.leave import Waiting
from social import clock, queue, workflow
from social.explain import Situation, delivery_waits
from social.models import Delivery, Engine, Heartbeat, Minute
from social.publishing import connect, heartbeat, watch
from social.publishing.heartbeat import Signs
from tests.publishing.conftest import Clock, Engineer, MakePost, only

D = Delivery.Status
TASKS = ("dispatch", "poll", "sync_channels", "watch", "read_shop", "read_inbox", "forget_answers")


class Watchman:
    """Lets time pass over processes that show signs of life, and keeps the watch as Beat does."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.beat = self.worker = True
        self.runs = set(TASKS)
        self.told: list[str] = []

    def look(self) -> list[str]:
        """What operators are told at this moment."""
        return [watch.headline(one) for one in watch.keep()]

    def signs(self) -> None:
        if self.beat:
            heartbeat.beat_is_alive()
        if self.worker:
            heartbeat.worker_is_alive()
        for task in self.runs if self.beat and self.worker else ():
            heartbeat._ran.clear()
            heartbeat.task_ran(f"social.tasks.{task}")

    def wait(self, seconds: int, meanwhile: Callable[[], Any] = lambda: None, *, step: int = 10) -> list[str]:
        """So much time passes, with a look every `step` seconds; what operators are told at its end."""
        assert seconds % step == 0
        for _ in range(seconds // step):
            self.clock.tick(step)
            self.signs()
            meanwhile()
            self.told = self.look()
        return self.told


@pytest.fixture(autouse=True)
def _a_tests_connection_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "close_old_connections", lambda: None)


@pytest.fixture
def watchman(moving_clock: Clock) -> Iterator[Watchman]:
    watchman = Watchman(moving_clock)
    watchman.signs()
    yield watchman
    heartbeat._ran.clear()


def about() -> list[str]:
    return [notice.about for notice in notices.open_alarms()]


def entry(name: str) -> PeriodicTask:
    return PeriodicTask.objects.get(name=name)


# ------------------------------------------------------------------------------- due, and not sent
def test_a_due_moment_that_passes_with_nothing_sent_is_told_once_and_over_when_it_goes_out(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    approved()
    with structlog.testing.capture_logs() as lines:
        assert watchman.wait(90) == []  # 3 × 10 + 60
        told = watchman.wait(60)
    assert told == ["Silence since 09:00: 1 delivery is due, and it was not sent."]
    assert [line["about"] for line in lines if line["event"] == "operators told"] == ["due"]
    engine.dispatch()
    assert watchman.wait(10) == []
    (notice,) = Notice.objects.filter(kind="silent")
    assert notice.told_at is not None
    assert notice.over_at == watchman.clock.moment


def test_what_is_sent_in_time_is_never_an_alarm(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    for number in range(3):
        approved(f"Bowl {number}")
        watchman.wait(120, engine.look)
    assert not Notice.objects.filter(kind="silent").exists()


def _paused(bob: User) -> None:
    workflow.pause(bob, "stock is being counted")


def _held(bob: User) -> None:
    Delivery.objects.update(
        not_before=clock.now() + timedelta(hours=1), hold="X allows 100 posts in 24 hours"
    )


def _in_trouble(bob: User) -> None:
    Connection.objects.update(trouble="unreachable", trouble_words="Publer cannot be reached.")


def _provider_paused(bob: User) -> None:
    connection = connect.current()
    assert connection is not None
    connect.pause(connection, bob, "moving")


def _elsewhere(bob: User) -> None:
    other = Connection.objects.create(provider="publer", workspace="other", base_url="https://x.example")
    Delivery.objects.update(connection=other)


def _at_the_limit(bob: User) -> None:
    connect.limiter().pause(86_400, "Publer asked for it")


def _late(bob: User) -> None:
    Delivery.objects.update(due_at=clock.now() - timedelta(hours=2))


def _not_due(bob: User) -> None:
    Delivery.objects.update(due_at=clock.now() + timedelta(hours=2), timed=True)


@pytest.mark.parametrize(
    "explained",
    [_paused, _held, _in_trouble, _provider_paused, _elsewhere, _at_the_limit, _late, _not_due],
    ids=lambda explained: explained.__name__.strip("_"),
)
def test_what_is_explained_is_no_alarm(
    explained: Callable[[User], None],
    engine: Engineer,
    watchman: Watchman,
    approved: MakePost,
    bob: Any,
) -> None:
    post = approved()
    explained(bob.person)
    assert watchman.wait(200) == []
    assert delivery_waits(only(post), Situation.read()).kind != "now"


def test_what_waits_for_the_part_of_the_limit_that_is_not_kept_for_people_is_explained(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    approved()
    watchman.clock.tick(120)
    watchman.signs()
    now = clock.now()
    waiting = Waiting(Priority.BACKGROUND, "", now + timedelta(seconds=40))
    limiter = LimiterState(100, 10, None, None, "", waiting=(waiting,))
    situation = replace(Situation.read(), limiter=limiter)
    watch.look(situation, Signs.read(now))
    assert not Notice.objects.exists()
    words = delivery_waits(Delivery.objects.select_related("connection").get(), situation).words
    assert words == "Publer's limit: goes out in about 40 s."


def test_what_was_just_resumed_may_go_first(
    engine: Engineer, watchman: Watchman, approved: MakePost, bob: Any
) -> None:
    approved()
    workflow.pause(bob.person, "stock is being counted")
    watchman.wait(300)
    workflow.resume(bob.person)
    assert watchman.wait(20) == []
    engine.dispatch()
    assert watchman.wait(60) == []
    assert not Notice.objects.filter(told_at__isnull=False).exists()


def test_what_lasts_no_longer_than_a_moment_is_not_told_and_leaves_nothing_behind(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    approved()
    watchman.wait(100)
    assert Notice.objects.filter(about="due", told_at=None).exists()
    engine.dispatch()
    watchman.wait(10)
    assert not Notice.objects.exists()


def test_a_post_left_behind_while_others_go_out_is_told_before_it_is_late(
    engine: Engineer, watchman: Watchman, approved: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = only(approved("Left behind.", "twitter"))
    Delivery.objects.filter(pk=left.pk).update(due_at=clock.now() - timedelta(minutes=29))

    def others_go_out() -> None:
        Delivery.objects.filter(pk=left.pk).update(status=D.CANCELLED)
        approved(f"Sent at {clock.now()}.", "facebook")
        engine.look()
        Delivery.objects.filter(pk=left.pk).update(status=D.QUEUED)

    watchman.wait(120, others_go_out)
    assert watchman.told == ["The queue is older than it should be: the oldest delivery waits since 08:31."]


def test_how_long_it_may_take_follows_from_the_settings_and_from_beats_entry(
    engine: Engineer, watchman: Watchman, approved: MakePost, settings: Any
) -> None:
    settings.PUBLISH_LEASE_SECONDS = 20
    interval, _ = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    PeriodicTask.objects.filter(name="dispatch").update(interval=interval)
    approved()
    assert watchman.wait(200) == []  # 3 × 60 + 20
    assert watchman.wait(50) != []


# ----------------------------------------------------------------------------- processes and tasks
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("beat", "Silence since 09:00: Beat shows no sign of life."),
        ("worker", "Silence since 09:00: no worker shows a sign of life."),
    ],
)
def test_a_kind_of_process_that_is_gone_is_told_once_and_over_when_it_is_back(
    name: str, words: str, engine: Engineer, watchman: Watchman
) -> None:
    assert watchman.wait(20) == []
    setattr(watchman, name, False)
    assert watchman.wait(30) == []  # 3 × 10
    assert watchman.wait(10) == [words]
    setattr(watchman, name, True)
    assert watchman.wait(120) == []
    (notice,) = Notice.objects.filter(kind="silent")
    assert (notice.about, notice.over_at is None) == (name, False)
    setattr(watchman, name, False)
    watchman.wait(60)
    assert Notice.objects.filter(kind="silent", about=name).count() == 2


def test_the_other_alarms_are_explained_by_a_process_that_is_gone(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    approved()
    watchman.worker = False
    watchman.wait(1200, step=20)
    assert about() == ["worker"]


def test_a_process_that_never_started_is_told_once_work_waits_for_it(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    Heartbeat.objects.all().delete()
    watchman.beat = watchman.worker = False
    assert watchman.wait(120) == []
    approved()
    watchman.wait(40)
    assert watchman.told == [
        "Silence since 09:02: Beat has not been started yet.",
        "Silence since 09:02: no worker has been started yet.",
    ]


def test_a_task_that_does_not_run_though_every_process_lives_is_named(
    engine: Engineer, watchman: Watchman
) -> None:
    watchman.runs.remove("dispatch")
    assert watchman.wait(90) == []  # 3 × 10 + 60
    assert watchman.wait(60) == ["Silence since 09:00: “dispatch” has not run."]
    watchman.runs = set()
    watchman.wait(120)
    assert watchman.told == ["Silence since 09:00: “dispatch”, “poll” and “watch” have not run."]
    watchman.runs = set(TASKS)
    assert watchman.wait(10) == []


def test_a_dispatch_that_goes_on_sending_for_minutes_is_no_silence(
    engine: Engineer, watchman: Watchman
) -> None:
    watchman.runs.remove("dispatch")
    assert watchman.wait(300, heartbeat.engine_looked) == []


def test_after_a_stop_of_everything_the_tasks_have_their_time_again(
    engine: Engineer, watchman: Watchman
) -> None:
    watchman.wait(30)
    watchman.clock.tick(7200)
    watchman.runs = set()
    watchman.signs()
    connect.sync_channels()  # as a worker does when it starts
    assert watchman.look() == []
    assert watchman.wait(80) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dispatch", "Nothing that is due is sent"),
        ("poll", "Nobody looks for what became of what was sent"),
        ("watch", "The next silence is noticed only by whoever looks here"),
    ],
)
def test_what_is_switched_off_and_has_to_run_is_told(
    name: str, words: str, engine: Engineer, watchman: Watchman
) -> None:
    PeriodicTask.objects.filter(name=name).update(enabled=False)
    (told,) = watch.keep()
    assert watch.headline(told) == f"Silence since 09:00: “{name}” is switched off."
    assert told.words.startswith(words)
    PeriodicTask.objects.filter(name=name).update(enabled=True)
    assert watchman.look() == []


def test_an_entry_that_need_not_run_may_be_switched_off(engine: Engineer, watchman: Watchman) -> None:
    extra = PeriodicTask.objects.create(
        name="mine", task="social.tasks.poll", interval=entry("poll").interval, enabled=False
    )
    assert watchman.wait(100) == []
    PeriodicTask.objects.filter(pk=extra.pk).update(enabled=True)
    PeriodicTask.objects.filter(name="poll").update(enabled=False)
    assert watchman.wait(10) == []


def test_accounts_that_are_not_read_are_told_though_the_task_runs(
    engine: Engineer, watchman: Watchman
) -> None:
    assert watchman.wait(960, step=20) == []  # 3 × 300 + 60
    assert watchman.wait(60) == ["Silence since 09:00: the accounts have not been read from Publer."]
    connect.sync_channels()
    assert watchman.wait(10) == []


def test_accounts_that_cannot_be_read_are_told_as_trouble_not_as_silence(
    engine: Engineer, watchman: Watchman
) -> None:
    Connection.objects.update(trouble="refused", trouble_words="Publer refuses the key.")
    assert watchman.wait(1100, step=20) == []


# --------------------------------------------------------------------------------- what became of it
@pytest.fixture
def lost(engine: Engineer, watchman: Watchman, approved: MakePost) -> Delivery:
    """A delivery whose outcome is unknown."""
    engine.provider.next_writes = ["never"]
    post = approved()
    engine.dispatch()
    row = only(post)
    assert row.status == D.UNCONFIRMED
    return row


def _complete_look(row: Delivery) -> Callable[[], None]:
    """As the engine leaves it behind after a complete look that proved nothing."""

    def look() -> None:
        now = clock.now()
        connection = connect.current()
        assert connection is not None
        connect.sync_channels()
        Delivery.objects.filter(pk=row.pk).update(
            looks=5, looked_from=now, next_look_at=now + timedelta(seconds=60)
        )

    return look


def test_an_outcome_that_stays_unknown_is_told(lost: Delivery, watchman: Watchman) -> None:
    look = _complete_look(lost)
    assert watchman.wait(440, look, step=20) == []  # 2 × 180 + 30 + 60
    assert watchman.wait(60, look) == ["The outcome of 1 delivery is unknown since 09:00."]
    Delivery.objects.update(status=D.PUBLISHED)
    assert watchman.wait(10, look) == []


def test_one_that_the_provider_works_on_for_too_long_is_told(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    post = approved()
    engine.dispatch()
    assert only(post).status == D.ACCEPTED
    watchman.wait(500, _complete_look(only(post)), step=20)
    assert watchman.told == ["The outcome of 1 delivery is unknown since 09:00."]


def test_one_for_later_has_until_its_time(lost: Delivery, watchman: Watchman) -> None:
    Delivery.objects.update(timed=True, due_at=clock.now() + timedelta(minutes=40))
    assert watchman.wait(1800, _complete_look(lost), step=25) == []
    watchman.wait(1000, _complete_look(lost), step=25)
    assert about() == ["unsure"]


def test_looks_that_are_never_complete_are_told_as_such(lost: Delivery, watchman: Watchman) -> None:
    def half_a_look() -> None:
        connect.sync_channels()
        Delivery.objects.update(looks=5, next_look_at=clock.now() + timedelta(seconds=60))

    watchman.wait(500, half_a_look, step=20)
    assert watchman.told == ["Since 09:00 no look at Publer's list was complete."]


def test_what_nobody_looks_for_is_told(lost: Delivery, watchman: Watchman) -> None:
    Delivery.objects.update(next_look_at=clock.now())
    assert watchman.wait(120, connect.sync_channels) == []  # 3 × 3 + 60 + 60
    watchman.wait(50, connect.sync_channels)
    assert watchman.told == ["Silence since 09:00: nobody looks for what became of 1 delivery."]


def test_a_person_who_holds_the_calls_explains_that_nobody_looks(
    lost: Delivery, watchman: Watchman, bob: Any
) -> None:
    _provider_paused(bob.person)
    assert watchman.wait(900, step=20) == []


def test_a_pause_of_publishing_does_not_explain_that_nobody_looks(
    lost: Delivery, watchman: Watchman, bob: Any
) -> None:
    workflow.pause(bob.person, "stock is being counted")
    Delivery.objects.update(next_look_at=clock.now())
    watchman.wait(200, connect.sync_channels)
    assert about() == ["looks"]


def test_a_decision_that_nobody_makes_for_hours_is_told(lost: Delivery, watchman: Watchman) -> None:
    Delivery.objects.update(decide=True, quiet_from=clock.now() - timedelta(minutes=119))
    assert watchman.wait(50, _complete_look(lost)) == []
    watchman.wait(120, _complete_look(lost))
    assert watchman.told == ["1 delivery waits since 07:01 for somebody to say whether it is live."]


# ------------------------------------------------------------------------------------ told just once
def _alarm(**more: Any) -> Alarm:
    return Alarm("due", "Silence since {since}.", "Nothing is lost.", **more)


def test_a_look_that_began_before_it_was_over_does_not_tell_it_anew(moving_clock: Clock, db: None) -> None:
    began = clock.now()
    notices.sound([_alarm()], began)
    moving_clock.tick(10)
    slow = clock.now()  # of a process that read the rows now, and writes later
    moving_clock.tick(1)
    notices.sound([], clock.now())
    assert notices.sound([_alarm()], slow) == []
    assert Notice.objects.count() == 1
    moving_clock.tick(1)
    assert len(notices.sound([_alarm()], clock.now())) == 1


def test_a_look_that_began_before_it_was_seen_does_not_end_it(moving_clock: Clock, db: None) -> None:
    slow = clock.now()
    moving_clock.tick(1)
    notices.sound([_alarm()], clock.now())
    notices.sound([], slow)
    assert len(notices.open_alarms()) == 1


def test_what_it_says_is_brought_up_to_date_without_telling_it_again(moving_clock: Clock, db: None) -> None:
    with structlog.testing.capture_logs() as lines:
        for number in range(3):
            moving_clock.tick(5)
            notices.sound([replace(_alarm(), headline=f"{number} wait.")], clock.now())
    assert [one.headline for one in notices.open_alarms()] == ["2 wait."]
    assert len(lines) == 1


def test_alarms_that_have_been_over_for_months_are_forgotten(engine: Engineer, watchman: Watchman) -> None:
    notices.sound([_alarm()], clock.now())
    watchman.wait(10)
    watchman.clock.tick(89 * 86_400)
    watchman.look()
    assert Notice.objects.filter(about="due").count() == 1
    watchman.clock.tick(2 * 86_400)
    watchman.look()
    assert not Notice.objects.filter(about="due").exists()


# ------------------------------------------------------------------------------- who is asked for it
def test_while_the_watch_is_kept_a_reader_believes_what_it_wrote(
    engine: Engineer, watchman: Watchman
) -> None:
    notices.sound([_alarm()], clock.now())
    situation = Situation.read()
    with CaptureQueriesContext(database) as asked:
        seen = watch.see(situation)
    assert [one.about for one in seen.alarms] == ["due"]
    assert len(asked) == 2


@pytest.mark.parametrize("stopped", ["beat", "worker", "watch"])
def test_where_the_watch_is_not_kept_a_reader_looks_himself(
    stopped: str, engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    watchman.wait(30)
    if stopped == "watch":
        watchman.runs.remove("watch")
    else:
        setattr(watchman, stopped, False)
    for _ in range(20):
        watchman.clock.tick(10)
        watchman.signs()
        seen = watch.see(Situation.read())
    assert [one.about for one in seen.alarms] == ["entries" if stopped == "watch" else stopped]
    assert Notice.objects.get().told_at is not None


# ------------------------------------------------------------------------------------- signs of life
def _worker(pid: int, monkeypatch: pytest.MonkeyPatch, host: str = "one") -> None:
    monkeypatch.setattr("os.getpid", lambda: pid)
    monkeypatch.setattr("socket.gethostname", lambda: host)
    heartbeat.worker_is_alive()


def test_each_worker_is_seen_and_a_dead_one_is_forgotten(
    engine: Engineer, moving_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = clock.now()
    _worker(1, monkeypatch)
    _worker(1, monkeypatch, "two")
    _worker(2, monkeypatch)
    for _ in range(70):
        moving_clock.tick(10)
        _worker(2, monkeypatch)
        _worker(1, monkeypatch, "two")
    signs = Signs.read(clock.now())
    alive = {(row.host, row.pid): row.since for row in signs.alive("worker")}
    assert alive == {("one", 2): began, ("two", 1): began}
    heartbeat.forget_the_dead(clock.now())
    assert Heartbeat.objects.count() == 2


def test_the_last_sign_of_a_kind_is_kept_however_old(
    engine: Engineer, moving_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _worker(1, monkeypatch)
    moving_clock.tick(5)
    _worker(2, monkeypatch)
    moving_clock.tick(86_400)
    heartbeat.forget_the_dead(clock.now())
    assert [row.pid for row in Heartbeat.objects.all()] == [2]


def test_a_worker_that_was_asked_to_stop_is_not_missed_while_another_lives(
    engine: Engineer, moving_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _worker(1, monkeypatch)
    _worker(2, monkeypatch)
    heartbeat.worker_ends()
    signs = Signs.read(clock.now())
    assert [row.pid for row in signs.alive("worker")] == [1]
    monkeypatch.setattr("os.getpid", lambda: 1)
    heartbeat.worker_ends()
    assert not Signs.read(clock.now()).is_gone("worker")  # another may be about to start
    moving_clock.tick(31)
    assert Signs.read(clock.now()).is_gone("worker")


def test_a_process_that_slept_lives_anew_from_its_next_sign_on(
    engine: Engineer, moving_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _worker(1, monkeypatch)
    moving_clock.tick(31)
    _worker(1, monkeypatch)
    assert Heartbeat.objects.get().since == clock.now()


def test_a_shorter_pace_makes_a_shorter_silence(settings: Any) -> None:
    settings.DISPATCH_INTERVAL_SECONDS = 0.5
    assert heartbeat.silent_after() == timedelta(seconds=15)
    settings.DISPATCH_INTERVAL_SECONDS = 20.0
    assert heartbeat.silent_after() == timedelta(seconds=60)


# ------------------------------------------------------------------------------------------- minutes
def test_each_minute_says_whether_something_went_out_and_how_much_waits(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    watchman.wait(60)
    approved()
    engine.dispatch()
    approved(text="Another.", scheduled_at=clock.now() + timedelta(days=2))
    watchman.wait(90)
    minutes = Minute.objects.order_by("at")
    assert [(m.at.minute, m.sent, m.silent, m.depth) for m in minutes] == [
        (0, False, False, 0),
        (1, True, False, 1),
        (2, False, False, 1),
    ]


def test_the_minutes_since_a_silence_began_are_silent_ones(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    watchman.wait(50)
    approved()
    watchman.wait(200)
    minutes = Minute.objects.order_by("at").values_list("silent", flat=True)
    assert list(minutes) == [True, True, True, True, True]


def test_minutes_are_kept_for_a_day(engine: Engineer, watchman: Watchman) -> None:
    watchman.wait(120)
    watchman.clock.tick(86_400)
    watchman.look()
    assert Minute.objects.count() == 2


# ----------------------------------------------------------------------------------------- the engine
def test_the_watch_writes_nothing_of_the_engines(
    engine: Engineer, watchman: Watchman, approved: MakePost
) -> None:
    post = approved()
    before = Engine.objects.values().get(), Delivery.objects.values().get(post=post)
    watchman.wait(200)
    assert (Engine.objects.values().get(), Delivery.objects.values().get(post=post)) == before
    assert queue.depth().depth == 1
