"""The dashboard, the limits, the channels."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from integrations.connections import Connection
from integrations.errors import ProviderError
from integrations.ratelimit import LimiterState, Priority, Waiting
from social import workflow
from social.models import Channel, Delivery, Figures
from social.publishing import connect, figures, providers
from social.workflow import deliveries as steps
from tests.api.conftest import Program, set_delivery
from tests.shop_and_inbox import Both, shop_and_inbox


def test_an_empty_shop(agent: Program) -> None:
    board = agent.get("dashboard").body
    assert board["counts"] == {
        "draft": 0,
        "pending": 0,
        "approved": 0,
        "scheduled": 0,
        "published": 0,
        "partly_published": 0,
        "rejected": 0,
        "failed": 0,
        "cancelled": 0,
    }
    assert board["queue"] == {"depth": 0, "oldest_due_at": None, "age_seconds": None}
    assert (board["unconfirmed"], board["failed_24h"], board["next_due"]) == (0, 0, None)
    for tile in ("shop", "support"):
        assert (board[tile]["connected"], board[tile]["stale"], board[tile]["as_of"]) == (False, False, None)
        assert board[tile]["reason"].endswith("is not connected.")
    assert board["shop"]["orders_today"] is None
    assert board["support"]["open"] is None


def test_the_queue_and_what_is_next(
    agent: Program, approved: Callable[..., int], proposal: dict[str, Any]
) -> None:
    agent.post("posts", proposal)
    approved()
    later = timezone.now() + timedelta(hours=3)
    planned = approved(scheduled_at=later.isoformat(), title="Moss", channels=["acc-mastodon"])
    Delivery.objects.exclude(post_id=planned).update(due_at=timezone.now() - timedelta(seconds=90))
    board = agent.get("dashboard").body
    assert (board["counts"]["draft"], board["counts"]["approved"]) == (1, 2)
    assert board["queue"]["depth"] == 2
    assert 89 < board["queue"]["age_seconds"] < 120
    assert board["next_due"] | {"due_at": None} == {
        "post": planned,
        "title": "Moss",
        "channel": "acc-mastodon",
        "network": "mastodon",
        "due_at": None,
    }
    assert board["limits"]["publer"]["waiting"] == 1


def test_what_is_unsure_and_what_failed_today(agent: Program, approved: Callable[..., int]) -> None:
    set_delivery(approved(), "unconfirmed", decide=True)
    set_delivery(approved(channels=["acc-mastodon"], text="A"), "unconfirmed")
    row = Delivery.objects.get(post_id=approved(channels=["acc-mastodon"], text="B"))
    assert steps.move(row, "cannot be built", problem="x")
    with time_machine.travel(timezone.now() - timedelta(hours=25)):
        old = Delivery.objects.get(post_id=approved(text="C"))
        assert steps.move(old, "cannot be built", problem="x")
    board = agent.get("dashboard").body
    assert (board["unconfirmed"], board["to_decide"], board["failed_24h"]) == (2, 1, 1)


def test_a_pause_is_told(agent: Program, bob: User) -> None:
    workflow.pause(bob, "Fire drill")
    board = agent.get("dashboard").body
    assert board["paused"] is True
    assert "Fire drill" in board["stopped_by"]


def test_the_limit_is_told_from_what_the_limiter_knows(
    agent: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = timezone.now().replace(microsecond=0)
    state = LimiterState(limit=100, remaining=7, resets_at=at, paused_until=at, reason="refused again")
    monkeypatch.setattr(connect, "limiter_state", lambda: (state, False))
    limits = agent.get("rate-limits").body
    moment = at.isoformat().replace("+00:00", "Z")
    assert limits == {
        "publer": {
            "limit": 100,
            "remaining": 7,
            "resets_at": moment,
            "paused_until": moment,
            "waiting": 0,
            "reason": "refused again",
        }
    }
    assert agent.get("dashboard").body["limits"] == limits


def test_without_the_cache_server_the_dashboard_still_answers(
    agent: Program, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLER_API_KEY = "k"
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    board = agent.get("dashboard")
    assert board.status == 200
    assert board.body["limits"]["publer"]["remaining"] is None
    assert "away" in board.body["limits"]["publer"]["reason"]


def test_no_provider_is_asked(
    agent: Program, settings: Settings, monkeypatch: pytest.MonkeyPatch, channels: dict[str, Channel]
) -> None:
    settings.PUBLER_API_KEY = "k"

    def called(*_: Any, **__: Any) -> None:
        raise AssertionError("a provider was asked")

    monkeypatch.setattr("requests.sessions.Session.send", called)
    for path in ("dashboard", "rate-limits", "channels", "posts"):
        assert agent.get(path).status == 200


def test_the_number_of_posts_costs_no_queries(agent: Program, approved: Callable[..., int]) -> None:
    agent.get("dashboard")
    with CaptureQueriesContext(connection) as few:
        agent.get("dashboard")
    for n in range(3):
        approved(text=f"Piece {n}")
    with CaptureQueriesContext(connection) as more:
        agent.get("dashboard")
    assert len(few) == len(more)


def test_the_connected_accounts(agent: Program, channels: dict[str, Channel]) -> None:
    channels["instagram"].active = False
    channels["instagram"].save()
    assert agent.get("channels").body == {
        "items": [
            {"id": "acc-mastodon", "network": "mastodon", "name": "@mastodon", "kind": "", "picture": None},
            {"id": "acc-twitter", "network": "twitter", "name": "@twitter", "kind": "", "picture": None},
        ]
    }
    connection_row = channels["twitter"].connection
    connection_row.connected = False
    connection_row.save()
    assert agent.get("channels").body == {"items": []}


def test_redis_errors_are_no_faults(
    agent: Program, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.PUBLER_API_KEY = "k"

    def broken(*_: Any, **__: Any) -> None:
        raise redis.TimeoutError("slow")

    monkeypatch.setattr("redis.client.Pipeline.execute", broken)
    assert agent.get("rate-limits").body["publer"]["remaining"] is None


# ------------------------------------------------------------------------------------ shop and support
@pytest.fixture
def there(settings: Settings, db: None) -> Iterator[Both]:
    with shop_and_inbox(settings) as both:
        yield both


@pytest.fixture
def read(there: Both) -> Both:
    """Both were read a moment ago."""
    for provider in ("shopify", "chatwoot"):
        figures.refresh(provider)
    return there


def test_the_figures_of_shop_and_support_are_told_with_their_age(agent: Program, read: Both) -> None:
    board = agent.get("dashboard").body
    shop, support = board["shop"], board["support"]
    for tile in (shop, support):
        assert (tile["connected"], tile["stale"], tile["stale_since"], tile["reason"]) == (
            True,
            False,
            None,
            None,
        )
        age = timezone.now() - datetime.fromisoformat(tile["as_of"])
        assert timedelta(0) < age < timedelta(seconds=30)
        assert tile["complete"] is True
    assert (shop["name"], shop["currency"], shop["low_stock"]) == ("Kiln & Linen", "EUR", 5)
    assert isinstance(shop["orders_today"], int)
    assert isinstance(shop["unfulfilled"], int)
    assert float(shop["total_today"]) >= 0
    found = read.inbox.inbox.found("open")
    assert (support["open"], support["unassigned"]) == (
        len(found),
        sum(each.assignee is None for each in found),
    )
    waits = datetime.fromisoformat(support["oldest_waiting_since"])
    assert waits.timestamp() == min(each.waiting_since for each in found)


def test_figures_that_could_not_be_renewed_are_stale_and_say_why(agent: Program, read: Both) -> None:
    before = agent.get("dashboard").body
    read.inbox.set_faults({"any": "refuse"})
    figures.refresh("chatwoot")
    board = agent.get("dashboard").body
    support = board["support"]
    assert (support["stale"], support["open"]) == (True, before["support"]["open"])
    assert support["as_of"] == before["support"]["as_of"]
    assert support["stale_since"] > support["as_of"]
    assert "Chatwoot refuses" in support["reason"]
    assert board["shop"] == before["shop"]


def test_yesterdays_orders_are_not_todays(agent: Program, read: Both) -> None:
    before = agent.get("dashboard").body["shop"]
    row = Figures.objects.get(connection__provider="shopify")
    row.data["orders"]["day"] = "2020-02-29"
    row.save()
    shop = agent.get("dashboard").body["shop"]
    assert (shop["day"], shop["orders_today"], shop["total_today"]) == ("2020-02-29", None, None)
    assert shop["unfulfilled"] == before["unfulfilled"]


def test_the_limits_of_all_that_are_set_up_are_told(agent: Program, read: Both) -> None:
    limits = agent.get("rate-limits").body
    assert list(limits) == ["publer", "shopify", "chatwoot"]
    assert limits["shopify"]["limit"] == 2000
    assert 1800 < limits["shopify"]["remaining"] <= 2000
    assert (limits["chatwoot"]["limit"], limits["chatwoot"]["remaining"]) == (30, 29)
    assert limits["chatwoot"]["resets_at"] > timezone.now().isoformat()
    assert [each["waiting"] for each in limits.values()] == [0, 0, 0]
    assert agent.get("dashboard").body["limits"].keys() == limits.keys()


def test_who_waits_for_a_limit_is_counted_once(agent: Program, there: Both) -> None:
    one = providers.other("chatwoot")
    assert one is not None
    one.limiter().pause(30, "tried")
    figures.refresh("chatwoot")
    limit = agent.get("rate-limits").body["chatwoot"]
    assert (limit["waiting"], limit["reason"]) == (1, "tried")
    assert limit["paused_until"] > timezone.now().isoformat()
    redis.Redis.from_url(django_settings.REDIS_URL).flushdb()
    assert agent.get("rate-limits").body["chatwoot"]["waiting"] == 1
    Figures.objects.update(waits_until=timezone.now())
    assert agent.get("rate-limits").body["chatwoot"]["waiting"] == 0


def test_a_person_who_was_told_not_now_does_not_wait(agent: Program, there: Both) -> None:
    one = providers.other("chatwoot")
    assert one is not None
    one.limiter().pause(30, "tried")
    with pytest.raises(ProviderError):
        providers.test(one)
    assert agent.get("rate-limits").body["chatwoot"]["waiting"] == 0


def test_what_waits_for_publer_is_deliveries_and_other_calls(
    agent: Program, approved: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    approved()
    approved(text="Another one.")
    later = timezone.now() + timedelta(seconds=20)
    waiting = tuple(
        Waiting(Priority.BACKGROUND, route, later) for route in ("posts/schedule", "", "job_status/{job_id}")
    )
    state = LimiterState(100, 0, later, None, "", waiting=waiting)
    monkeypatch.setattr(connect, "limiter_state", lambda: (state, False))
    assert agent.get("rate-limits").body["publer"]["waiting"] == 3


def test_a_persons_pause_has_no_end_and_its_reason(agent: Program, read: Both, bob: User) -> None:
    one = providers.other("shopify")
    assert one is not None
    providers.pause(one, bob, "counting stock")
    limit = agent.get("rate-limits").body["shopify"]
    assert limit["paused_until"] is None
    assert "counting stock" in limit["reason"]
    assert "counting stock" in agent.get("dashboard").body["shop"]["reason"]


def test_without_the_cache_server_figures_and_limits_are_told(
    agent: Program, read: Both, settings: Settings
) -> None:
    before = agent.get("dashboard").body
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    board = agent.get("dashboard").body
    assert (board["shop"], board["support"]) == (before["shop"], before["support"])
    for provider in ("shopify", "chatwoot"):
        assert board["limits"][provider]["remaining"] is None
        assert "away" in board["limits"][provider]["reason"]


@pytest.mark.parametrize("mode", ["hang", "refuse", "html", "throttle"])
def test_a_provider_that_misbehaves_is_not_waited_for(agent: Program, read: Both, mode: str) -> None:
    read.misbehave(mode, seconds=3600)
    before = sum(read.shop.calls.values()) + sum(read.inbox.calls.values())
    for path in ("dashboard", "rate-limits"):
        assert agent.get(path).status == 200
    assert sum(read.shop.calls.values()) + sum(read.inbox.calls.values()) == before


def test_the_tiles_cost_one_query(agent: Program, there: Both) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            agent.get("dashboard")
        return len(asked)

    queries()
    unread = queries()
    figures.refresh("shopify")
    figures.refresh("chatwoot")
    assert queries() == unread
    Connection.objects.all().delete()
    assert queries() == unread
