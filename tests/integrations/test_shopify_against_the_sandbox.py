"""The whole way: Shopify's client, the real limiter and the real token's store, against the stand-in."""

import gzip
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import graphql
import pytest
import redis
import requests
import structlog
from django.conf import settings

from integrations.errors import BadAnswer, Held, Refused
from integrations.ratelimit import Limiter, Priority, limiter_for
from integrations.retry import Retry
from integrations.shopify.client import ShopifyClient
from integrations.shopify.sandbox.server import Sandbox, Settings
from integrations.shopify.token import ClientCredentials, GrantedToken
from tests.integrations.standins import fault

NOON = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)


class Clock:
    """The sandbox's, which stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def new_sandbox(running: Callable[[Sandbox], Sandbox], clock: Clock) -> Callable[..., Sandbox]:
    def start(**options: Any) -> Sandbox:
        return running(Sandbox(Settings(client_id="app", client_secret="planted-secret", **options), clock))

    return start


@pytest.fixture
def sandbox(new_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return new_sandbox()


@pytest.fixture
def limiter() -> Limiter:
    return limiter_for("shopify", uuid.uuid4().hex)


def client_of(sandbox: Sandbox, limiter: Limiter, secret: str = "planted-secret") -> ShopifyClient:
    ask = ClientCredentials(sandbox.url, "app", secret, limiter, 2.0, 5.0)
    token = GrantedToken(ask, redis.Redis.from_url(settings.REDIS_URL), uuid.uuid4().hex)
    return ShopifyClient(sandbox.url, "2026-10", token, limiter, 2.0, 5.0)


@pytest.fixture
def client(sandbox: Sandbox, limiter: Limiter) -> ShopifyClient:
    return client_of(sandbox, limiter)


def test_a_dashboard_is_read_with_one_granted_token(client: ShopifyClient, sandbox: Sandbox) -> None:
    shop = client.shop(Priority.PERSON)
    today = client.orders_on(NOON.astimezone(shop.zone).date(), shop.zone)
    yesterday = client.orders_on(datetime(2026, 11, 23).date(), shop.zone)
    assert (shop.name, shop.currency) == ("Kiln & Linen", "EUR")
    assert 0 < today.count < yesterday.count
    assert 0 < today.unfulfilled <= today.count
    assert yesterday.unfulfilled == 0
    assert today.total > 0
    assert today.waiting is not None
    assert all(order.created_at <= NOON for order in today.orders)
    scarce = client.low_stock(5).variants
    assert [variant.quantity for variant in scarce] == [-2, 0, 2, 3, 4]
    assert sandbox.calls["access_token"] == 1
    assert not sandbox.refused


def test_the_product_behind_a_link_of_the_demo(client: ShopifyClient) -> None:
    moss, gone = client.product("moss", "101"), client.product("winter-plate")
    assert moss is not None
    assert moss.variant is not None
    assert (moss.variant.price, moss.variant.quantity, moss.highest.amount) == (Decimal(48), 34, Decimal(320))
    assert requests.get(moss.picture, timeout=5).headers["Content-Type"] == "image/svg+xml"
    assert gone is not None
    assert (gone.status, gone.url) == ("DRAFT", "")
    assert client.product("no-such") is None


def test_pages_are_read_to_the_end(client: ShopifyClient, sandbox: Sandbox, monkeypatch: Any) -> None:
    shop = client.shop()
    whole = client.orders_on(datetime(2026, 11, 23).date(), shop.zone)
    query = client._orders
    monkeypatch.setitem(query.__dict__, "text", query.text.replace("first: 50", "first: 3"))
    paged = client.orders_on(datetime(2026, 11, 23).date(), shop.zone)
    assert paged == whole
    assert sandbox.calls["orders"] > 4


def test_a_granted_token_that_ends_is_replaced(client: ShopifyClient, sandbox: Sandbox, clock: Clock) -> None:
    client.shop()
    clock.now += 86_400  # only the sandbox's clock: our store still holds the token
    assert client.shop().name == "Kiln & Linen"
    assert sandbox.calls["access_token"] == 2


def test_a_wrong_secret_is_for_somebody_to_look_at(sandbox: Sandbox, limiter: Limiter) -> None:
    with pytest.raises(Refused) as caught:
        client_of(sandbox, limiter, "another-secret").shop()
    assert (caught.value.kind, caught.value.errors[0]) == ("auth", "Client authentication failed")


def test_points_are_used_up_without_a_refused_query(
    new_sandbox: Callable[..., Sandbox], limiter: Limiter
) -> None:
    sandbox = new_sandbox(maximum=200, restore=0.5)
    client = client_of(sandbox, limiter)
    held: Held | None = None
    while held is None and sandbox.calls["shop"] < 300:
        try:
            client.shop(Priority.PERSON)
        except Held as error:
            held = error
    assert held is not None
    assert held.reason == "limit"
    assert 150 < sandbox.calls["shop"] <= 201
    assert not sandbox.refused


def test_throttled_holds_everybody_until_there_are_points_again(
    client: ShopifyClient, sandbox: Sandbox
) -> None:
    shop = client.shop()
    client.orders_on(NOON.date(), shop.zone)
    fault(sandbox, any="throttle", count=1)
    with pytest.raises(Refused) as refused:
        client.orders_on(NOON.date(), shop.zone)
    assert refused.value.kind == "rate_limited"
    with pytest.raises(Held) as held:
        client.orders_on(NOON.date(), shop.zone)
    assert 0 < held.value.seconds <= 3


def test_each_fault_is_what_it_says(client: ShopifyClient, sandbox: Sandbox) -> None:
    client.shop()
    fault(sandbox, any="html", count=1)
    with pytest.raises(BadAnswer):
        client.shop()
    fault(sandbox, any={"mode": "hang", "seconds": 0.01}, count=1)
    with pytest.raises(BadAnswer):
        client.shop()
    fault(sandbox, any="html", count=1)
    assert client.patient(Retry(2, base=0)).shop().name == "Kiln & Linen"
    fault(sandbox, any="refuse")
    with pytest.raises(Refused) as caught:
        client.shop()
    assert caught.value.kind == "auth"
    fault(sandbox)
    assert requests.get(f"{sandbox.url}/sandbox/faults", timeout=5).json()["faults"] == []


def test_an_unknown_fault_and_a_foreign_page_change_nothing(sandbox: Sandbox) -> None:
    address = f"{sandbox.url}/sandbox/faults"
    assert requests.post(address, json={"any": "explode"}, timeout=5).status_code == 422
    assert requests.post(address, json={"any": "html", "count": "x"}, timeout=5).status_code == 422
    foreign = {"Origin": "https://elsewhere.example"}
    assert requests.post(address, json={"any": "html"}, headers=foreign, timeout=5).status_code == 403
    assert requests.get(address, timeout=5).json()["faults"] == []


def test_an_unquoted_time_brings_everything_as_it_does_at_shopify(sandbox: Sandbox) -> None:
    every = sandbox.shop.orders(NOON, "")
    assert sandbox.shop.orders(NOON, "created_at:>=2026-11-24T00:00:00Z") == every
    assert len(sandbox.shop.orders(NOON, "created_at:>='2026-11-24T00:00:00Z'")) < len(every)


def test_another_version_is_answered_by_the_one_there_is(sandbox: Sandbox, limiter: Limiter) -> None:
    client = client_of(sandbox, limiter)
    client._graphql.version, client._graphql._url = "2025-10", f"{sandbox.url}/admin/api/2025-10"
    with structlog.testing.capture_logs() as lines:
        client.shop()
    assert client.version_gone == "2026-10"
    assert any(line["event"] == "another version answers" for line in lines)


@pytest.fixture(scope="session")
def schema(contracts_dir: Path) -> graphql.GraphQLSchema:
    with gzip.open(contracts_dir / "shopify-admin-2026-10.graphql.gz", "rt") as file:
        return graphql.build_schema(file.read(), assume_valid=True)


def test_what_the_sandbox_answers_is_what_the_schema_says(
    client: ShopifyClient, sandbox: Sandbox, schema: graphql.GraphQLSchema, monkeypatch: Any
) -> None:
    """Each answer is run through the schema again: what it lacks, or what is of another type, is an error."""
    checked: list[str] = []
    query = sandbox._query

    def hold_against_the_schema(body: dict[str, Any]) -> Any:
        answer = query(body)
        result = graphql.execute(
            schema,
            graphql.parse(body["query"]),
            answer.body["data"],
            variable_values=body["variables"],
            field_resolver=lambda source, info, **_: source[info.path.key],
            type_resolver=lambda *_: "MediaImage",
        )
        assert isinstance(result, graphql.ExecutionResult)
        assert (result.errors, result.data) == (None, answer.body["data"])
        checked.append(body["operationName"])
        return answer

    monkeypatch.setattr(sandbox, "_query", hold_against_the_schema)
    shop = client.shop()
    client.orders_on(NOON.date(), shop.zone)
    client.low_stock()
    for handle, variant in (("moss", "102"), ("summer-plate", ""), ("nothing", "999")):
        client.product(handle, variant)
    assert checked == ["shop", "orders", "low_stock", "product", "product", "product"]
