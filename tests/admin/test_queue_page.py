"""The queue page: what is silent first, what waits and for what, who works, what is in the air."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from integrations import notices
from integrations.connections import Connection
from integrations.notices import Alarm, Notice
from social import queue, workflow
from social.explain import Situation, delivery_waits
from social.models import Channel, Delivery, Heartbeat, Minute, Post, Submission
from tests.admin.conftest import MakePost, SignIn

pytestmark = pytest.mark.django_db
PAGE = "/admin/social/post/queue/"
LIVE, LOOK = f"{PAGE}live/", f"{PAGE}look/"
D = Delivery.Status


@pytest.fixture
def well(connection: Connection) -> None:
    """Every process shows signs of life, and the watch is kept."""
    now = timezone.now()
    since = now - timedelta(hours=1)
    for name, host, pid in (("beat", "one", 11), ("worker", "one", 12), ("worker", "two", 12)):
        Heartbeat.objects.create(name=name, host=host, pid=pid, at=now, since=since)
    Heartbeat.objects.create(name="social.tasks.watch", at=now)
    Connection.objects.update(synced_at=now)


@pytest.fixture
def operator(olga: User, signed_in: SignIn) -> Client:
    return signed_in(olga)


def _alarm(**more: Any) -> Notice:
    alarm = {
        "about": "due",
        "headline": "Silence since {since}: 2 deliveries are due, and none was sent.",
        "words": "Every process shows signs of life, and nothing explains it.",
        "since": timezone.now() - timedelta(minutes=10),
    }
    (notice,) = notices.sound([Alarm(**{**alarm, **more})], timezone.now())
    return notice


def _text(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


# --------------------------------------------------------------------------------------------- alarms
def test_what_is_silent_stands_first_and_on_red(well: None, operator: Client) -> None:
    _alarm()
    page = _text(operator)
    content = page[page.index('id="hd-queue"') :]
    assert content.index('class="hd-alarm"') < content.index("hd-tiles")
    assert re.search(
        r"Silence since (yesterday )?\d\d:\d\d: 2 deliveries are due, and none was sent\.", content
    )
    assert "Operators are told since" in content
    assert "hd-strip hd-red" not in page  # it says so itself


def test_an_alarm_that_was_only_seen_is_not_shown(well: None, operator: Client) -> None:
    notices.sound([Alarm("due", "Silence since {since}.", "Words.", lasting=30)], timezone.now())
    assert "hd-alarm" not in _text(operator).replace("hd-alarmed", "")


def test_every_page_and_home_tell_an_operator_and_nobody_else(
    well: None, olga: User, ann: User, bob: User, signed_in: SignIn
) -> None:
    _alarm()
    for address in ("/admin/", "/admin/social/post/", "/admin/auth/user/"):
        page = _text(signed_in(olga), address)
        assert 'class="hd-strip hd-red" role="status"' in page
        assert f'<a href="{PAGE}">Queue</a>' in page
    home = _text(signed_in(olga), "/admin/")
    needs = home[home.index("Needs you now") :]
    assert "2 deliveries are due, and none was sent." in needs
    assert "Look at the queue" in needs
    assert "Nothing waits for you" not in home
    for person in (ann, bob):
        assert "2 deliveries are due" not in _text(signed_in(person), "/admin/")


def test_more_alarms_than_fit_above_a_page_are_counted(well: None, operator: Client) -> None:
    alarms = [Alarm(str(number), f"Number {number}.", "Words.") for number in range(5)]
    notices.sound(alarms, timezone.now())
    home = _text(operator, "/admin/")
    strips = home[: home.index("Needs you now")]
    assert "Number 2." in strips
    assert "Number 3." not in strips
    assert "2 more alarms." in strips


def test_a_stopped_beat_is_red_for_an_operator_and_amber_for_others(
    well: None, operator: Client, ann: User, signed_in: SignIn
) -> None:
    Heartbeat.objects.filter(name="beat").update(at=timezone.now() - timedelta(minutes=5))
    page = _text(operator, "/admin/")
    assert "Beat shows no sign of life." in page
    assert "hd-strip hd-red" in page
    assert "Publishing waits since" not in page
    other = _text(signed_in(ann), "/admin/")
    assert "Publishing waits since" in other
    assert "hd-strip hd-red" not in other


def test_an_alarm_leads_to_where_something_can_be_done(well: None, operator: Client) -> None:
    for about, link in (
        ("decide", "/admin/social/post/?label=unconfirmed"),
        ("off", "/admin/django_celery_beat/periodictask/"),
        ("accounts", "/admin/integrations/connection/"),
    ):
        _alarm(about=about)
        assert f'href="{link}"' in _text(operator).split('class="hd-alarm"')[1].split("</section>")[0]


# -------------------------------------------------------------------------------- what waits, for what
@pytest.fixture
def waiting(well: None, make_post: MakePost, channel: Channel) -> dict[str, Delivery]:
    """One of each kind."""
    rows = {name: make_post("approved", title=name).deliveries.get() for name in ("now", "held", "late")}
    rows |= {
        name: make_post("approved", title=name, minutes=90).deliveries.get() for name in ("ahead", "soon")
    }
    now = timezone.now()
    change = Delivery.objects.filter
    change(pk=rows["held"].pk).update(
        not_before=now + timedelta(hours=3), hold="X allows 100 posts in 24 hours"
    )
    change(pk=rows["late"].pk).update(due_at=now - timedelta(hours=2))
    change(pk=rows["soon"].pk).update(due_at=now + timedelta(minutes=20))
    return rows


def test_each_reason_is_the_sentence_that_its_post_is_explained_with(
    waiting: dict[str, Delivery], operator: Client, settings: Any
) -> None:
    page = html.unescape(_text(operator))
    situation = Situation.read()
    with timezone.override(settings.SHOP_TIME_ZONE):
        for row in Delivery.objects.select_related("connection", "channel"):
            words = delivery_waits(row, situation).words
            assert words
            assert words in page


def test_alike_reasons_are_one_row_with_how_many_and_the_first_moment(
    well: None, make_post: MakePost, operator: Client
) -> None:
    now = timezone.now()
    for hours in (5, 3, 4):
        row = make_post("approved", title=f"After {hours}").deliveries.get()
        Delivery.objects.filter(pk=row.pk).update(
            not_before=now + timedelta(hours=hours), hold="X allows 100 posts in 24 hours"
        )
    (row_,) = operator.get(PAGE).context["rows"]
    assert (row_.count, row_.reason.until) == ("3", now + timedelta(hours=3))
    assert row_.reason.words.startswith("X allows 100 posts in 24 hours: next try at")


def test_what_nothing_but_a_person_moves_is_counted_and_leads_to_the_decision(
    waiting: dict[str, Delivery], make_post: MakePost, operator: Client
) -> None:
    make_post("unconfirmed", title="Who knows")
    context = operator.get(PAGE).context
    (tile,) = [tile for tile in context["tiles"] if tile.name == "For a person"]
    assert (tile.figure, tile.words) == ("2", "nothing else moves them")
    decisions = {row.reason.decision: row.link for row in context["rows"] if row.link}
    assert decisions == {
        "late": "/admin/social/post/resume/",
        "unsure": "/admin/social/post/?label=unconfirmed",
    }


def test_what_belongs_to_another_workspace_waits_for_it(
    well: None, make_post: MakePost, operator: Client
) -> None:
    other = Connection.objects.create(
        provider="publer", workspace="w2", name="Old shop", base_url="https://x"
    )
    row = make_post("approved").deliveries.get()
    Delivery.objects.filter(pk=row.pk).update(connection=other)
    page = _text(operator)
    assert "it belongs to the workspace Old shop" in page
    assert "it is connected" in page


def test_a_pause_is_the_one_reason_of_all(waiting: dict[str, Delivery], operator: Client, bob: User) -> None:
    workflow.pause(bob, "stock is being counted")
    reasons = [row.reason for row in operator.get(PAGE).context["rows"]]
    assert {reason.kind for reason in reasons} == {"late", ""}
    assert sum(reason.count for reason in reasons) == 5


def test_what_is_due_while_nothing_is_sent_is_marked(waiting: dict[str, Delivery], operator: Client) -> None:
    _alarm()
    row = operator.get(PAGE).context["rows"][0]
    assert (row.bad, row.reason.kind, row.until) == (True, "now", "the silence ends")


def test_depth_and_age_are_those_of_the_api(
    waiting: dict[str, Delivery], operator: Client, rita: User, signed_in: SignIn
) -> None:
    told = signed_in(rita).get("/api/v1/dashboard").json()["queue"]
    tile = operator.get(PAGE).context["tiles"][0]
    assert (tile.name, tile.figure, told["depth"]) == ("Waiting", "5", 5)
    assert tile.words == "oldest due 2 h ago"
    assert 7200 <= told["age_seconds"] < 7260


def test_an_empty_queue_says_what_is_true(well: None, operator: Client) -> None:
    page = _text(operator)
    assert "Nothing waits to be sent, and nothing is in the air." in page
    assert "Nothing is being sent, with Publer, or without a known outcome." in page


# --------------------------------------------------------------------------------- the air, who works
def test_what_is_in_the_air_is_told_with_since_when(
    well: None, make_post: MakePost, operator: Client, connection: Connection
) -> None:
    now = timezone.now()
    for title, status, ago in (
        ("Bowls", D.SENDING, 4),
        ("Mugs", D.ACCEPTED, 58),
        ("Vase", D.UNCONFIRMED, 600),
    ):
        row = make_post("approved", title=title).deliveries.get()
        stamped = now - timedelta(seconds=ago)
        submission = Submission.objects.create(
            connection=connection,
            kind="now",
            body={},
            stamped_at=stamped,
            lease_until=now + timedelta(minutes=1),
        )
        Delivery.objects.filter(pk=row.pk).update(
            status=status, submission=submission, lease_until=now + timedelta(minutes=1), quiet_from=stamped
        )
    context = operator.get(PAGE).context
    assert context["in_air"] == "1 being sent, 1 with Publer, 1 not confirmed"
    flying = {one.row.post.title: one.since for one in context["flying"]}
    assert flying["Vase"] == "10 min"
    assert re.fullmatch(r"(5[89]|[6-9]\d) s|2 min", flying["Mugs"])


def test_what_goes_next_is_told(waiting: dict[str, Delivery], operator: Client) -> None:
    assert operator.get(PAGE).context["next_due"] == waiting["soon"]


def test_each_worker_is_shown_by_its_host_with_its_last_sign(well: None, operator: Client) -> None:
    Heartbeat.objects.filter(host="two").update(at=timezone.now() - timedelta(minutes=4))
    works = {one.name: one for one in operator.get(PAGE).context["works"]}
    assert works["Worker 12 on one"].well
    assert works["Worker 12 on one"].words.startswith("since ")
    assert (works["Worker 12 on two"].well, works["Worker 12 on two"].seen) == (False, "4 min ago")
    assert works["Beat on one"].well
    assert works["Broker and cache"].well
    assert works["Broker and cache"].seen.endswith(" ms")


def test_what_was_never_started_is_told(connection: Connection, operator: Client) -> None:
    works = {one.name: one for one in operator.get(PAGE).context["works"]}
    assert works["No worker"].words == "has not been started yet"
    assert not works["Beat"].well


def test_a_new_beat_takes_the_place_of_the_former(well: None, operator: Client) -> None:
    Heartbeat.objects.filter(name="beat").update(at=timezone.now() - timedelta(minutes=4))
    Heartbeat.objects.create(name="beat", host="three", pid=9, at=timezone.now())
    assert [one.name for one in operator.get(PAGE).context["works"] if "Beat" in one.name] == [
        "Beat on three"
    ]


def test_without_a_cache_server_the_page_comes_up_and_says_so(
    well: None, operator: Client, settings: Any
) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    page = _text(operator)
    assert "The cache server is away, so nothing is sent" in page
    works = {one.name: one.well for one in operator.get(PAGE).context["works"]}
    assert works["Broker and cache"] is False


def test_the_last_hour_is_told_minute_by_minute_also_to_those_who_do_not_see_it(
    well: None, operator: Client
) -> None:
    this = timezone.now().replace(second=0, microsecond=0)
    minutes = {50: {"sent": True}, 49: {}, 48: {"silent": True}, 40: {}, 0: {}}
    for ago, what in minutes.items():
        Minute.objects.create(at=this - timedelta(minutes=ago), depth=ago, **what)
    context = operator.get(PAGE).context
    cells = context["cells"]
    assert cells.cells[:9] == ["unknown"] * 9
    assert cells.cells[9:12] == ["sent", "idle", "silent"]
    assert cells.cells[12:19] == ["silent"] * 7  # nobody watched
    assert (cells.cells[19], cells.cells[-1]) == ("idle", "idle")
    assert "in 1 something was handed out" in cells.label
    assert context["line"].words in ("50 50 min ago, 0 now", "50 51 min ago, 0 now")


# ------------------------------------------------------------------------------------------- buttons
@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tasks: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **_: tasks.append(name.rpartition(".")[2]))
    return tasks


def test_look_now_asks_a_worker_to_send_and_to_look(well: None, operator: Client, asked: list[str]) -> None:
    page = operator.post(LOOK, follow=True).content.decode()
    assert asked == ["dispatch", "poll"]
    assert "A worker looks within seconds" in page


def test_look_now_says_that_no_worker_is_there(well: None, operator: Client, asked: list[str]) -> None:
    Heartbeat.objects.filter(name="worker").update(at=timezone.now() - timedelta(minutes=4))
    assert "no worker shows a sign of life" in operator.post(LOOK, follow=True).content.decode()


def test_look_now_says_that_the_broker_is_away(
    well: None, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("refused")

    monkeypatch.setattr(current_app, "send_task", away)
    assert "The broker does not answer" in operator.post(LOOK, follow=True).content.decode()


def test_look_now_is_asked_by_a_form_alone(
    well: None, operator: Client, olga: User, bob: User, signed_in: SignIn, asked: list[str]
) -> None:
    assert operator.get(LOOK).status_code == 405
    assert signed_in(bob).post(LOOK).status_code == 403
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(olga)
    assert forged.post(LOOK).status_code == 403
    assert asked == []


def test_publishing_is_paused_and_resumed_from_here(well: None, operator: Client, bob: User) -> None:
    assert f'href="{reverse("admin:pause_publishing")}"' in _text(operator)
    workflow.pause(bob, "stock is being counted")
    page = _text(operator)
    assert "Pause publishing" not in page
    assert "Resume" in page


def test_where_there_is_a_plan_for_what_elapsed_it_comes_before_resuming(
    well: None, operator: Client, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotdash.queue._plan", lambda: "/admin/social/post/resume/")
    workflow.pause(bob, "stock is being counted")
    page = _text(operator)
    assert 'href="/admin/social/post/resume/">Resume plan' in page
    assert reverse("admin:resume_publishing") not in page


# ---------------------------------------------------------------------------------------- live, pace
def test_the_page_reads_itself_again_in_parts(waiting: dict[str, Delivery], operator: Client) -> None:
    page = _text(operator)
    assert f'hx-get="{LIVE}" hx-trigger="every 5s, hd-look"' in page
    part = _text(operator, LIVE)
    assert "<html" not in part
    assert part.count('hx-swap-oob="true"') == 2
    assert "X allows 100 posts in 24 hours" in part


@pytest.mark.parametrize("address", [PAGE, LIVE])
def test_only_who_may_watch_sees_it(
    address: str, well: None, bob: User, nina: User, signed_in: SignIn
) -> None:
    for person in (bob, nina):
        answer = signed_in(person).get(address)
        assert answer.status_code == 403
    assert Client().get(address).status_code == 302


def test_a_post_with_markup_in_its_name_is_shown_as_it_was_written(
    well: None, make_post: MakePost, operator: Client
) -> None:
    make_post("unconfirmed", title="<img src=x onerror=alert(1)>")
    page = _text(operator)
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def _asked(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(database) as asked:
        client.get(address)
    sign_in = re.compile(r'FROM "(django_session|auth_user|auth_permission)"')
    return [query["sql"] for query in asked if not sign_in.search(query["sql"])]


def _fill(make_post: MakePost, count: int) -> None:
    post = make_post("approved", title="One of many")
    row = post.deliveries.get()
    now = timezone.now()
    posts = Post.objects.bulk_create(
        Post(
            title=f"Post {number}",
            author=post.author,
            revision=post.revision,
            status=Post.Status.APPROVED,
            sort_at=now,
        )
        for number in range(count)
    )
    holds = ("X allows 100 posts in 24 hours", "X takes one post every 60 s", "", "", "")
    Delivery.objects.bulk_create(
        Delivery(
            post=one,
            channel=row.channel,
            connection=row.connection,
            revision=row.revision,
            approved_hash=row.approved_hash,
            fingerprint=row.fingerprint,
            due_at=now + timedelta(seconds=number - count // 2),
            timed=bool(number % 2),
            hold=holds[number % 5],
            not_before=now + timedelta(hours=1) if holds[number % 5] else None,
        )
        for number, one in enumerate(posts)
    )


@pytest.mark.parametrize("address", [PAGE, LIVE])
def test_however_much_waits_the_page_asks_the_same_few_queries(
    address: str, well: None, make_post: MakePost, operator: Client
) -> None:
    few = _asked(operator, address)
    _fill(make_post, 400)
    for number in range(5):
        make_post("unconfirmed", title=f"Unsure {number}")
    many = _asked(operator, address)
    assert len(few) == len(many), many
    if address == LIVE:
        assert len(many) <= 15, [sql[:100] for sql in many]


def test_a_queue_longer_than_its_head_is_told_whole(
    well: None, make_post: MakePost, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "HEAD", 100)
    _fill(make_post, 300)
    context = operator.get(PAGE).context
    assert context["depth"].depth == 301
    assert sum(row.reason.count for row in context["rows"]) == 100
    assert context["beyond"] == 201
    assert "201 more come after these" in _text(operator)


def test_what_is_asked_of_a_long_queue_is_answered_by_its_index(well: None, make_post: MakePost) -> None:
    _fill(make_post, 500)
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE social_delivery")
            cursor.execute("SET LOCAL enable_seqscan = off")
    rows = Delivery.objects.filter(status=D.QUEUED)
    for asked in (
        rows.order_by("due_at", "id")[:10],
        rows.filter(due_at__gt=timezone.now()).order_by("due_at", "id")[:1],
    ):
        plan = asked.explain()
        assert "delivery_by_status" in plan
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan


def test_the_sidebar_lights_the_queue_alone(well: None, operator: Client) -> None:
    page = _text(operator)
    lit = re.findall(r'<a href="([^"]+)"[^>]*class="[^"]*\bactive\b', page)
    assert lit == [PAGE]
