"""The figures of shop and inbox: read in the background, kept in the database, told with their age."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
import responses
from celery import current_app
from django.conf import settings as configured
from django.contrib.auth.models import User

from integrations.chatwoot import connect as chatwoot
from integrations.connections import Connection
from integrations.ratelimit import Wait
from integrations.shopify import connect as shopify
from social import clock, tiles
from social.models import Figures
from social.publishing import figures, providers
from tests.publishing.conftest import Clock
from tests.shop_and_inbox import Both, shop_and_inbox

pytestmark = pytest.mark.django_db
SHOPIFY, CHATWOOT = "shopify", "chatwoot"
BOTH = (SHOPIFY, CHATWOOT)
Sent = list[tuple[str, float]]


@pytest.fixture
def there(moving_clock: Clock, settings: Any) -> Iterator[Both]:
    moving_clock.moment = datetime.now(UTC).replace(hour=11)  # there are orders of today
    with shop_and_inbox(settings, clock=lambda: moving_clock.moment.timestamp()) as both:
        yield both


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Tasks that were asked for, and in how many seconds: nobody works here."""
    sent: Sent = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, countdown=0.0, **_: sent.append((name, countdown))
    )
    return sent


def row(provider: str) -> Connection:
    return Connection.objects.select_related("figures").get(provider=provider, connected=True)


def limiter(provider: str) -> Any:
    one = providers.other(provider)
    assert one is not None
    return one.limiter()


def asked(standin: Any) -> int:
    return int(sum(standin.calls.values()))


def shown() -> tuple[tiles.Shop, tiles.Support]:
    rows, now = providers.connected(), clock.now()
    return tiles.shop(rows, now), tiles.support(rows, now)


def state(provider: str) -> tiles.State:
    return shown()[BOTH.index(provider)].state


# ------------------------------------------------------------------------------------------ what is read
def test_the_shops_figures_are_read_and_kept(there: Both) -> None:
    before = clock.now()
    figures.refresh(SHOPIFY)
    shop, _ = shown()
    orders = there.shop.shop.orders(before, "")
    assert shop.state == tiles.State(connected=True, as_of=before)
    assert (shop.name, shop.currency) == ("Kiln & Linen", "EUR")
    day = before.astimezone(ZoneInfo("Europe/Berlin")).replace(hour=0, minute=0, second=0, microsecond=0)
    today = there.shop.shop.orders(before, f"created_at:>='{day.isoformat()}'")
    assert shop.orders is not None
    assert shop.orders <= len(today) < len(orders)
    assert shop.total is not None
    assert (shop.total > Decimal(0)) == bool(shop.orders)
    assert shop.unfulfilled == there.shop.shop.waiting(before)
    assert (shop.low_stock, shop.scarcest[0].quantity) == (5, -2)


def test_the_inboxs_figures_are_read_and_kept(there: Both) -> None:
    before = clock.now()
    figures.refresh(CHATWOOT)
    _, support = shown()
    found = there.inbox.inbox.found("open")
    assert support.state == tiles.State(connected=True, as_of=before)
    assert support.open == len(found)
    assert support.unassigned == sum(each.assignee is None for each in found)
    assert support.longest_wait_since is not None
    assert support.longest_wait_since.timestamp() == min(each.waiting_since for each in found)


def test_today_is_the_shops_own_day(there: Both, moving_clock: Clock) -> None:
    evening = moving_clock.moment.replace(hour=23, minute=30)  # in Berlin the next day has begun
    moving_clock.moment = evening if evening > moving_clock.moment else evening + timedelta(days=1)
    figures.refresh(SHOPIFY)
    shop, _ = shown()
    assert shop.day == (moving_clock.moment + timedelta(days=1)).date()
    assert shop.is_today
    moving_clock.tick(24 * 3600)
    shop, _ = shown()
    assert not shop.is_today


@pytest.mark.parametrize("provider", BOTH)
def test_a_good_reading_is_a_good_call_of_the_connection(there: Both, provider: str) -> None:
    figures.refresh(provider)
    found = row(provider)
    assert found.last_ok_at == clock.now()
    assert (found.trouble, found.trouble_count, found.last_error) == ("", 0, "")
    assert found.name == {"shopify": "Kiln & Linen", "chatwoot": found.workspace}[provider]


def test_a_shop_is_asked_for_its_currency_and_zone_once_an_hour(there: Both, moving_clock: Clock) -> None:
    for _ in range(3):
        figures.refresh(SHOPIFY)
        moving_clock.tick(60)
    assert (there.shop.calls["shop"], there.shop.calls["orders"]) == (1, 3)
    moving_clock.tick(3600)
    figures.refresh(SHOPIFY)
    assert there.shop.calls["shop"] == 2


def test_an_emptied_store_loses_no_figure(there: Both) -> None:
    figures.refresh(SHOPIFY)
    figures.refresh(CHATWOOT)
    before = shown()
    redis.Redis.from_url(configured.REDIS_URL).flushdb()
    assert shown() == before


@pytest.mark.parametrize("provider", BOTH)
def test_who_is_not_set_up_is_not_asked(there: Both, settings: Any, provider: str) -> None:
    settings.SHOPIFY_CLIENT_ID = settings.CHATWOOT_API_TOKEN = ""
    figures.refresh(provider)
    assert asked(there[provider]) == 0
    assert not Connection.objects.exists()


def test_another_shop_does_not_show_the_figures_of_the_former(there: Both, settings: Any) -> None:
    figures.refresh(SHOPIFY)
    settings.SHOPIFY_BASE_URL = "http://another.invalid"
    shop, _ = shown()
    assert (shop.state.connected, shop.orders, shop.state.as_of) == (True, None, None)


# ------------------------------------------------------------------------------------- one at a time
def test_one_reading_at_a_time(there: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    client, seen = chatwoot.client(), []

    def meanwhile() -> Any:
        figures.refresh(CHATWOOT)  # another worker, while this one waits for its answer
        seen.append(asked(there.inbox))
        return type(client).counts(client)

    monkeypatch.setattr(client, "counts", meanwhile)
    figures.refresh(CHATWOOT)
    assert seen == [0]
    assert shown()[1].open is not None


def test_the_reading_of_a_process_that_died_is_taken_over(there: Both, moving_clock: Clock) -> None:
    figures.refresh(CHATWOOT)
    Figures.objects.update(reading_until=clock.now() + figures._patience())
    before = asked(there.inbox)
    moving_clock.tick(60)
    figures.refresh(CHATWOOT)
    assert asked(there.inbox) == before
    moving_clock.tick(figures._patience().total_seconds())
    figures.refresh(CHATWOOT)
    assert asked(there.inbox) > before


def test_who_was_given_up_for_dead_neither_ends_the_others_claim_nor_undoes_what_it_brought(
    there: Both, moving_clock: Clock
) -> None:
    figures.refresh(CHATWOOT)
    found = Figures.objects.get()
    old = figures._Claim.of(found, clock.now())
    assert old is not None
    asked_at = clock.now()
    moving_clock.tick(1000)
    new = figures._Claim.of(found, clock.now())
    assert new is not None
    new.keep("counts", {"as_of": clock.now().isoformat(), "open": 7, "unassigned": 1})
    old.keep("counts", {"as_of": asked_at.isoformat(), "open": 3, "unassigned": 0})
    old.release(problem="")
    found.refresh_from_db()
    assert found.data["counts"]["open"] == 7
    assert found.reading_until is not None


def test_a_fault_of_our_own_holds_nobody_up(there: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(shopify, "client", broken)
    with pytest.raises(RuntimeError):
        figures.refresh(SHOPIFY)
    found = row(SHOPIFY).figures
    assert found.reading_until is None
    assert "its log says how" in found.problem


# -------------------------------------------------------------------------------- the limiter's word
def test_a_short_wait_is_a_task_for_that_moment(there: Both, sent: Sent, moving_clock: Clock) -> None:
    limiter(CHATWOOT).pause(40, "tried")
    figures.refresh(CHATWOOT)
    ((task, countdown),) = sent
    assert task == "social.tasks.read_inbox"
    assert 39 < countdown <= 40.2
    found = row(CHATWOOT)
    assert found.figures.waits_until is not None
    assert (found.trouble, found.figures.reading_until) == ("", None)
    limiter(CHATWOOT).resume()
    figures.refresh(CHATWOOT)  # Beat's look, meanwhile
    assert asked(there.inbox) == 0
    moving_clock.tick(countdown)
    figures.refresh(CHATWOOT)
    assert shown()[1].open is not None


def test_a_long_wait_stands_on_the_row_alone(there: Both, sent: Sent) -> None:
    limiter(SHOPIFY).pause(600, "tried")
    figures.refresh(SHOPIFY)
    assert sent == []
    found = row(SHOPIFY).figures
    assert found.waits_until is not None
    assert 590 < (found.waits_until - clock.now()).total_seconds() <= 600
    shop, _ = shown()
    assert "Read again at" in shop.state.reason


def test_a_broker_that_is_away_costs_a_minute_at_most(
    there: Both, monkeypatch: pytest.MonkeyPatch, moving_clock: Clock
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(current_app, "send_task", away)
    limiter(SHOPIFY).pause(20, "tried")
    figures.refresh(SHOPIFY)
    limiter(SHOPIFY).resume()
    moving_clock.tick(60)
    figures.refresh(SHOPIFY)
    assert shown()[0].orders is not None


def test_a_reading_that_is_held_midway_keeps_what_came_and_begins_with_the_rest(
    there: Both, moving_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures.refresh(SHOPIFY)
    moving_clock.tick(60)
    Connection.objects.update(trouble="unreachable", trouble_since=clock.now())
    ours, real = limiter(SHOPIFY), limiter(SHOPIFY).acquire
    granted: list[Any] = []

    def one_only(*arguments: Any) -> Any:
        granted.append(real(*arguments) if not granted else Wait(30, "limit"))
        return granted[-1]

    with monkeypatch.context() as patch:
        patch.setattr(ours, "acquire", one_only)
        figures.refresh(SHOPIFY)
    assert row(SHOPIFY).trouble == ""  # it answered
    first, found = clock.now(), row(SHOPIFY).figures
    assert found.data["orders"]["as_of"] == first.isoformat()
    assert found.as_of == first - timedelta(seconds=60)
    before = dict(there.shop.calls)
    moving_clock.tick(31)
    order: list[str] = []
    answer = there.shop.answer

    def noted(request: Any) -> Any:
        order.append(request.json["operationName"])
        return answer(request)

    monkeypatch.setattr(there.shop, "answer", noted)
    figures.refresh(SHOPIFY)
    assert order == ["low_stock", "orders"]
    assert there.shop.calls["low_stock"] == before["low_stock"] + 1
    assert row(SHOPIFY).figures.as_of == clock.now()


def test_the_background_asks_as_the_background(there: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    priorities = []
    for provider in BOTH:
        ours = limiter(provider)
        real = ours.acquire

        def noted(priority: Any, cost: int, route: str, real: Any = real) -> Any:
            priorities.append((route, priority.value))
            return real(priority, cost, route)

        monkeypatch.setattr(ours, "acquire", noted)
        figures.refresh(provider)
    assert set(priorities) == {
        ("access_token", "person"),  # who else needs the token must not wait for it
        ("graphql.json", "background"),
        ("conversations/meta", "background"),
        ("conversations", "background"),
    }


# ------------------------------------------------------------------------------------------ trouble
FAULTS = {
    "refuse": ("refused", "refuses what the environment connects it with"),
    "html": ("nonsense", "gives no answer that makes sense"),
    "hang": ("unreachable", "does not answer"),
}


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("mode", FAULTS)
def test_what_goes_wrong_is_told_in_words_and_the_figures_stay(
    there: Both, moving_clock: Clock, mode: str, provider: str
) -> None:
    figures.refresh(SHOPIFY)
    figures.refresh(CHATWOOT)
    before, read = shown(), clock.now()
    moving_clock.tick(60)
    there[provider].set_faults({"any": {"mode": mode, "seconds": 0.1}})
    figures.refresh(provider)
    trouble, words = FAULTS[mode]
    found = row(provider)
    assert (found.trouble, found.trouble_since, found.last_error_at) == (trouble, clock.now(), clock.now())
    assert f"{found.get_provider_display()} {words}" in found.trouble_words
    other = CHATWOOT if provider == SHOPIFY else SHOPIFY
    assert (state(provider).as_of, state(provider).stale_since) == (read, clock.now())
    assert state(provider).reason.startswith(found.trouble_words)
    assert (state(other).stale_since, state(other).reason) == (None, "")
    shop, support = shown()
    assert (shop.orders, support.open) == (before[0].orders, before[1].open)


@pytest.mark.parametrize("provider", BOTH)
def test_one_that_is_gone_is_told_in_words(there: Both, provider: str) -> None:
    there[provider].stop()
    figures.refresh(provider)
    found = row(provider)
    assert found.trouble == "unreachable"
    assert (
        f"{found.get_provider_display()} cannot be reached: the connection was refused."
        == found.trouble_words
    )
    assert state(provider).reason.startswith(found.trouble_words)


def test_after_a_failure_it_waits_longer_each_time_and_after_the_mend_it_goes_on(
    there: Both, moving_clock: Clock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.retry.random.uniform", lambda low, high: high)
    settings.RETRY_BASE_SECONDS = 30
    there.misbehave("html")
    waits = []
    for _ in range(6):
        figures.refresh(CHATWOOT)
        found = row(CHATWOOT)
        assert found.not_before is not None
        waits.append(round((found.not_before - clock.now()).total_seconds()))
        before = asked(there.inbox) + there.inbox.refused.total()
        figures.refresh(CHATWOOT)
        assert asked(there.inbox) + there.inbox.refused.total() == before
        moving_clock.tick(waits[-1])
    assert waits == [30, 60, 120, 240, 300, 300]
    there.misbehave("")
    figures.refresh(CHATWOOT)
    found = row(CHATWOOT)
    assert (found.trouble, found.trouble_since, found.trouble_count, found.not_before) == ("", None, 0, None)
    assert found.last_error
    assert shown()[1].state == tiles.State(connected=True, as_of=clock.now())


def test_a_test_that_succeeds_ends_the_wait(there: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.retry.random.uniform", lambda low, high: high)
    there.misbehave("html")
    figures.refresh(CHATWOOT)
    there.misbehave("")
    figures.refresh(CHATWOOT)
    assert shown()[1].open is None
    one = providers.other(CHATWOOT)
    assert one is not None
    providers.test(one)
    figures.refresh(CHATWOOT)
    assert shown()[1].open is not None


def test_a_refused_key_is_told_to_operators_once(there: Both, moving_clock: Clock) -> None:
    there.misbehave("refuse")
    for _ in range(3):
        figures.refresh(CHATWOOT)
        moving_clock.tick(400)
    (notice,) = row(CHATWOOT).notices.all()
    assert "CHATWOOT_API_TOKEN" in notice.words
    assert "Invalid Access Token" in notice.words


def test_a_limit_that_is_used_up_is_no_trouble_of_the_connection(there: Both) -> None:
    there.inbox.set_faults({"any": "throttle"})
    figures.refresh(CHATWOOT)
    found = row(CHATWOOT)
    assert found.trouble == ""
    assert found.figures.problem == "Chatwoot says that its limit is used up."


def test_nothing_new_for_minutes_is_stale_though_nothing_failed(there: Both, moving_clock: Clock) -> None:
    figures.refresh(SHOPIFY)
    read = clock.now()
    moving_clock.tick(179)
    assert shown()[0].state.stale_since is None
    moving_clock.tick(2)
    state = shown()[0].state
    assert state.stale_since == read + tiles.STALE_AFTER
    assert state.reason.startswith("Nothing was read since")


def test_a_paused_provider_is_not_asked_until_it_is_resumed(there: Both) -> None:
    one = providers.other(SHOPIFY)
    assert one is not None
    bob = User.objects.create_superuser("bob")
    providers.pause(one, bob, "counting stock")
    figures.refresh(SHOPIFY)
    assert asked(there.shop) == 0
    assert "counting stock" in shown()[0].state.reason
    providers.resume(one, bob)
    figures.refresh(SHOPIFY)
    assert shown()[0].orders is not None


# ------------------------------------------------------------------------------------ partial answers
Say = Callable[..., None]


@pytest.fixture
def says(settings: Any) -> Iterator[Say]:
    """`says(orders=…, low_stock=…)`: what the shop answers, by operation: data, and words with a code."""
    settings.SHOPIFY_BASE_URL, settings.SHOPIFY_ACCESS_TOKEN = "http://kiln.invalid", f"shpat-{id(settings)}"
    answers: dict[str, tuple[Any, list[tuple[str, str]]]] = {
        "shop": ({"shop": {"name": "Kiln", "currencyCode": "SEK", "ianaTimezone": "Europe/Stockholm"}}, [])
    }
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:

        def answer(request: Any) -> tuple[int, dict[str, str], str]:
            data, errors = answers[json.loads(request.body)["operationName"]]
            told = [{"message": words, "extensions": {"code": code}} for words, code in errors]
            return 200, {}, json.dumps({"data": data} | ({"errors": told} if told else {}))

        mock.add_callback("POST", "http://kiln.invalid/admin/api/2026-10/graphql.json", answer)

        def say(**said: tuple[Any, list[tuple[str, str]]]) -> None:
            answers.update(said)

        yield say


def page(name: str, *nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {name: {"nodes": list(nodes), "pageInfo": {"hasNextPage": False, "endCursor": None}}, **more}


def test_what_shopify_left_out_is_told_and_the_rest_is_kept(says: Say) -> None:
    left_out = [("waiting could not be counted", "INTERNAL_SERVER_ERROR")]
    says(orders=(page("orders", waiting=None), left_out), low_stock=(page("productVariants"), []))
    figures.refresh(SHOPIFY)
    shop, _ = shown()
    assert (shop.orders, shop.total, shop.unfulfilled, shop.low_stock) == (0, Decimal(0), None, 0)
    assert shop.currency == "SEK"
    assert shop.state.reason == "Shopify left something out: waiting could not be counted."
    assert shop.state.stale_since is None
    assert row(SHOPIFY).trouble == ""


def test_a_right_that_is_missing_costs_its_own_figure_alone(says: Say) -> None:
    denied = [("Access denied for orders field.", "ACCESS_DENIED")]
    says(orders=({"orders": None, "waiting": None}, denied), low_stock=(page("productVariants"), []))
    figures.refresh(SHOPIFY)
    shop, _ = shown()
    assert (shop.orders, shop.low_stock) == (None, 0)
    assert "Access denied for orders field." in shop.state.reason
    found = row(SHOPIFY)
    assert found.trouble == "refused"
    assert found.last_ok_at is not None


def test_a_time_zone_that_is_not_known_here_is_said(says: Say) -> None:
    says(
        shop=({"shop": {"name": "Kiln", "currencyCode": "SEK", "ianaTimezone": "Mars/Base"}}, []),
        low_stock=(page("productVariants"), []),
    )
    figures.refresh(SHOPIFY)
    assert "Mars/Base" in row(SHOPIFY).trouble_words
