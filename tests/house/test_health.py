"""What machines ask: whether the process lives, and whether the work can be done."""

import re
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from pytest_django import Settings

from integrations import notices
from integrations.notices import Alarm, Notice
from social import clock
from social.models import Heartbeat


@pytest.fixture
def alive(db: None) -> None:
    for name in ("beat", "worker"):
        Heartbeat.objects.create(name=name, at=clock.now())


def ready() -> tuple[int, Any]:
    answer = Client(raise_request_exception=False).get("/readyz")
    return answer.status_code, answer.json()


def test_a_living_process_says_so_without_the_database() -> None:
    # No `db` fixture: a query would be refused.
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


def test_ready_when_everything_works(alive: None) -> None:
    status, said = ready()
    assert (status, said["ok"]) == (200, True)
    assert set(said) == {"ok", "database", "broker", "cache", "beat", "worker", "alarms"}
    assert all(said[name]["ok"] and said[name]["words"] for name in set(said) - {"ok"})


@pytest.mark.parametrize("name", ["beat", "worker"])
def test_a_process_that_fell_silent_is_named(alive: None, name: str) -> None:
    Heartbeat.objects.filter(name=name).update(at=clock.now() - timedelta(seconds=31))
    status, said = ready()
    assert (status, said["ok"], said[name]["ok"]) == (503, False, False)
    assert said[name]["words"] == "no sign of life for 31 s"
    assert [key for key in said if key != "ok" and not said[key]["ok"]] == [name]


def test_what_has_fallen_silent_is_told_in_words_with_the_moment_in_utc(alive: None) -> None:
    since = datetime(2026, 11, 24, 9, 10, tzinfo=UTC)
    alarm = Alarm("due", "Silence since {since}: 2 deliveries are due.", "Nothing is lost.", since)
    Heartbeat.objects.create(name="social.tasks.watch", at=clock.now())
    notices.sound([alarm], clock.now())
    status, said = ready()
    assert (status, said["ok"], said["alarms"]["ok"]) == (503, False, False)
    assert said["beat"]["ok"]
    assert said["worker"]["ok"]
    assert re.search(
        r"09:10: 2 deliveries are due. Nothing is lost. Times are UTC.$", said["alarms"]["words"]
    )
    assert Client().get("/healthz").status_code == 200


def test_who_asks_whether_it_is_ready_looks_himself_where_nobody_watches(db: None) -> None:
    gone = clock.now() - timedelta(minutes=5)
    for name in ("beat", "worker"):
        Heartbeat.objects.create(name=name, at=gone)
    assert ready()[0] == 503
    assert set(Notice.objects.values_list("about", flat=True)) == {"beat", "worker"}


def test_a_process_that_never_started_is_named(db: None) -> None:
    status, said = ready()
    assert (status, said["beat"]["words"]) == (503, "has not been started yet")


def test_a_cache_server_that_hangs_costs_two_seconds_at_most(alive: None, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}/0"
        settings.REDIS_URL = settings.CELERY_BROKER_URL = url
        began = time.monotonic()
        status, said = ready()
    assert time.monotonic() - began < 2
    assert (status, said["broker"]["ok"], said["cache"]["ok"], said["database"]["ok"]) == (
        503,
        False,
        False,
        True,
    )
    assert "secret" not in str(said)


def test_without_a_cache_server_it_is_not_ready(alive: None, settings: Settings) -> None:
    settings.REDIS_URL, settings.CELERY_BROKER_URL = "", "redis://127.0.0.1:1/0"
    status, said = ready()
    assert status == 503
    assert said["cache"]["words"] == "not set up (REDIS_URL)"
    assert said["broker"]["words"].startswith("does not answer")


def test_a_database_that_is_away_is_told_and_nothing_of_it(
    alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise DatabaseError("password=secret host=10.0.0.7")

    monkeypatch.setattr(clock, "now", away)
    status, said = ready()
    assert (status, said["database"]["ok"], said["worker"]["ok"]) == (503, False, False)
    assert "secret" not in str(said)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_that_names_the_process_by_its_address_is_answered(
    alive: None, settings: Settings, path: str
) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["hotdash.shop.example"], True
    assert Client().get(path, headers={"host": "10.42.0.17:8000"}).status_code == 200
    assert Client().get("/admin/", headers={"host": "10.42.0.17:8000"}).status_code == 400


def test_nobody_signs_in_for_it_and_it_stands_in_no_document(db: None) -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert not [path for path in document["paths"] if path.endswith("z")]
