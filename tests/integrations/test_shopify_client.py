"""Shopify's client: one test a row of what its answers mean, and what is asked, by Shopify's own schema."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import graphql
import pytest
import responses
import structlog

from integrations.errors import BadAnswer, Held, NotSent, Refused, RefusedKind
from integrations.ratelimit import Priority, Wait
from integrations.retry import Retry
from integrations.shopify import client as shopify_client
from integrations.shopify.client import ShopifyClient
from integrations.shopify.token import PermanentToken
from integrations.shopify.types import ProductLink

SHOP = "http://kiln.invalid"
URL = f"{SHOP}/admin/api/2026-10/graphql.json"
BERLIN = ZoneInfo("Europe/Berlin")
THE_SHOP = {"name": "Kiln", "currencyCode": "EUR", "ianaTimezone": "Europe/Berlin"}
QUERIES = sorted((Path(shopify_client.__file__).parent / "queries").glob("*.graphql"))


@pytest.fixture
def shopify() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client(open_limiter: Any) -> ShopifyClient:
    return ShopifyClient(SHOP + "/", "2026-10", PermanentToken("shpat_token"), open_limiter, 2.0, 5.0)


def cost(requested: int = 1, actual: int | None = 1, available: float = 1999) -> dict[str, Any]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": 100.0}
    told = {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}
    return {"extensions": {"cost": told}}


def said(shopify: Any, data: object = None, *errors: tuple[str, str], status: int = 200, **rest: Any) -> None:
    body: dict[str, Any] = cost() | rest | ({} if data is None else {"data": data})
    if errors:
        body["errors"] = [{"message": words, "extensions": {"code": code}} for words, code in errors]
    shopify.post(URL, json=body, status=status)


def refused(client: ShopifyClient) -> Refused:
    with pytest.raises(Refused) as caught:
        client.shop()
    return caught.value


def sent(shopify: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(shopify.calls[-1].request.body)
    return body


# What answers mean -------------------------------------------------------------------------------------


def test_throttled_in_a_200_is_a_refusal_for_the_limit(
    client: ShopifyClient, shopify: Any, open_limiter: Any
) -> None:
    said(shopify, None, ("Throttled", "THROTTLED"), **cost(requested=70, actual=None, available=12))
    error = refused(client)
    assert (error.kind, error.status) == ("rate_limited", 200)
    assert open_limiter.told[0] == ("observe", "1", 429)
    assert open_limiter.costs[0]["throttleStatus"]["currentlyAvailable"] == 12
    assert open_limiter.costs[0]["actualQueryCost"] is None


def test_a_refusal_for_the_limit_is_never_repeated_by_itself(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, None, ("Throttled", "THROTTLED"))
    refused(client.patient(Retry(5, base=0)))
    assert len(shopify.calls) == 1


def test_a_query_that_is_too_large_is_permanent_and_never_repeated(
    client: ShopifyClient, shopify: Any
) -> None:
    error = {"message": "Query cost is 2003", "extensions": {"code": "MAX_COST_EXCEEDED", "cost": 2003}}
    shopify.post(URL, json={"errors": [error]})  # without top-level extensions
    error_of = refused(client.patient(Retry(5, base=0)))
    assert (error_of.kind, error_of.errors) == ("permanent", ("Query cost is 2003",))
    assert len(shopify.calls) == 1


def test_a_429_is_a_refusal_for_the_limit_whatever_its_body(client: ShopifyClient, shopify: Any) -> None:
    shopify.post(URL, status=429, headers={"Retry-After": "2.0"}, body="<html>", content_type="text/html")
    assert refused(client).kind == "rate_limited"


@pytest.mark.parametrize(
    ("status", "kind", "body", "content_type"),
    [
        (401, "auth", '{"errors": "[API] Invalid API key or access token"}', "application/json"),
        (403, "auth", '{"errors": "This action requires approval for read_orders"}', "application/json"),
        (402, "auth", '{"errors": "Unavailable Shop"}', "application/json"),
        (402, "auth", "Payment required", "text/plain"),
        (423, "auth", '{"errors": [{"message": "Locked"}]}', "application/json"),
        (423, "auth", "<html>", "text/html"),
        (404, "setup", '{"errors": "Not Found"}', "application/json"),
        (404, "setup", "<html>No such shop</html>", "text/html; charset=utf-8"),
        (400, "permanent", '{"errors": {"query": "Required parameter missing"}}', "application/json"),
    ],
)
def test_a_status_that_refuses(
    client: ShopifyClient, shopify: Any, status: int, kind: RefusedKind, body: str, content_type: str
) -> None:
    shopify.post(URL, status=status, body=body, content_type=content_type)
    error = refused(client)
    assert (error.kind, error.status) == (kind, status)


@pytest.mark.parametrize("status", [401, 403])
def test_a_foreign_page_is_nobodys_refusal(client: ShopifyClient, shopify: Any, status: int) -> None:
    shopify.post(URL, status=status, body="<html>", content_type="text/html")
    with pytest.raises(BadAnswer):
        client.shop()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("ACCESS_DENIED", "auth"), ("SHOP_INACTIVE", "auth"), ("undefinedField", "permanent")],
)
def test_the_code_of_an_error_says_what_it_is(
    client: ShopifyClient, shopify: Any, code: str, kind: RefusedKind
) -> None:
    said(shopify, None, ("Words", code))
    assert refused(client).kind == kind


def test_what_can_be_used_of_a_partial_answer_is_kept_and_the_errors_are_recorded(
    client: ShopifyClient, shopify: Any
) -> None:
    said(shopify, orders(order("1"), waiting=None), ("No access to ordersCount", "ACCESS_DENIED"))
    with structlog.testing.capture_logs() as lines:
        read = client.orders_on(date(2026, 11, 24), BERLIN)
    assert (read.count, read.waiting, read.errors) == (1, None, ("No access to ordersCount",))
    assert any(line["event"] == "partial answer" and line["query"] == "orders" for line in lines)


def test_a_partial_answer_without_what_was_asked_is_the_error_it_names(
    client: ShopifyClient, shopify: Any
) -> None:
    said(shopify, {"shop": None}, ("other", "x"), ("Access denied for shop", "ACCESS_DENIED"))
    error = refused(client)
    assert (error.kind, error.errors) == ("auth", ("Access denied for shop", "other"))


def test_a_product_that_was_left_out_is_not_one_that_is_absent(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, {"productByIdentifier": None}, ("Access denied", "ACCESS_DENIED"))
    with pytest.raises(Refused):
        client.product("moss")


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_5xx_is_repeated_only_for_a_caller_that_may_wait(
    client: ShopifyClient, shopify: Any, status: int
) -> None:
    shopify.post(URL, status=status, body="<html>")
    with pytest.raises(BadAnswer):
        client.shop()
    assert len(shopify.calls) == 1
    said(shopify, {"shop": THE_SHOP})
    assert client.patient(Retry(2, base=0)).shop().name == "Kiln"


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT", ""])
def test_an_internal_error_in_a_200_is_repeated_alike(client: ShopifyClient, shopify: Any, code: str) -> None:
    said(shopify, None, ("Looks like something went wrong on our end", code))
    with pytest.raises(BadAnswer, match="went wrong on our end"):
        client.shop()
    said(shopify, {"shop": THE_SHOP})
    assert client.patient(Retry(2, base=0)).shop().name == "Kiln"


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "<html>", '{"data": null}', '{"data": {"shop": {}}}', '{"data": {"shop": 1}}']
)
def test_an_answer_without_what_was_asked_is_no_answer(
    client: ShopifyClient, shopify: Any, body: str
) -> None:
    shopify.post(URL, body=body)
    with pytest.raises(BadAnswer):
        client.shop()


def test_a_shop_that_cannot_be_reached_was_not_asked(open_limiter: Any, nowhere: str) -> None:
    client = ShopifyClient(f"http://{nowhere}", "2026-10", PermanentToken("t"), open_limiter, 2.0, 5.0)
    with pytest.raises(NotSent):
        client.shop()


def test_another_version_than_was_asked_for_is_told_once(client: ShopifyClient, shopify: Any) -> None:
    for version in ("2026-10", "2027-01", "2027-01"):
        shopify.post(URL, json={"data": {"shop": THE_SHOP}}, headers={"X-Shopify-API-Version": version})
    client.shop()
    assert client.version_gone == ""
    with structlog.testing.capture_logs() as lines:
        client.shop()
        client.shop()
    warnings = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["asked"], line["answered"]) for line in warnings] == [("2026-10", "2027-01")]
    assert client.version_gone == "2027-01"


# What is asked -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def schema(contracts_dir: Path) -> graphql.GraphQLSchema:
    with gzip.open(contracts_dir / "shopify-admin-2026-10.graphql.gz", "rt") as file:
        return graphql.build_schema(file.read(), assume_valid=True)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_every_query_is_what_the_schema_takes(schema: graphql.GraphQLSchema, path: Path) -> None:
    document = graphql.parse(path.read_text())
    assert graphql.validate(schema, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    assert operation.operation is graphql.OperationType.QUERY
    assert operation.name is not None
    assert operation.name.value == path.stem


def test_no_query_asks_for_what_is_deprecated(schema: graphql.GraphQLSchema) -> None:
    for path in QUERIES:
        rules = [graphql.validation.NoDeprecatedCustomRule]
        assert graphql.validate(schema, graphql.parse(path.read_text()), rules) == []


def test_a_call_bears_the_token_the_operation_and_its_variables(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, {"shop": THE_SHOP})
    shop = client.shop()
    assert (shop.name, shop.currency, shop.zone) == ("Kiln", "EUR", BERLIN)
    request = shopify.calls[-1].request
    assert request.headers["X-Shopify-Access-Token"] == "shpat_token"
    assert sent(shopify)["operationName"] == "shop"
    assert "query shop" in sent(shopify)["query"]


def test_the_cost_that_is_asked_for_is_the_one_that_shopify_told(
    client: ShopifyClient, shopify: Any, open_limiter: Any
) -> None:
    said(shopify, orders(), **cost(requested=62))
    client.orders_on(date(2026, 11, 24), BERLIN)
    client.orders_on(date(2026, 11, 24), BERLIN)
    assert [asked[0] for asked in open_limiter.asked_for] == [160, 62]


def test_a_person_who_waits_is_told_apart_and_everybody_is_told_when(
    client: ShopifyClient, open_limiter: Any
) -> None:
    open_limiter.answer = Wait(1.5, "limit")
    with pytest.raises(Held) as caught:
        client.shop(Priority.PERSON)
    assert (caught.value.seconds, open_limiter.asked) == (1.5, [Priority.PERSON])


# Orders ------------------------------------------------------------------------------------------------


def order(
    number: str, at: str = "2026-11-24T09:00:00Z", amount: str = "10.10", **rest: Any
) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "createdAt": at,
        "cancelledAt": None,
        "test": False,
        "displayFulfillmentStatus": "UNFULFILLED",
        "currentTotalPriceSet": {"shopMoney": {"amount": amount, "currencyCode": "EUR"}},
    } | rest


def orders(
    *nodes: dict[str, Any] | None, after: str | None = None, waiting: int | None = 3
) -> dict[str, Any]:
    page = {"hasNextPage": after is not None, "endCursor": after}
    return {
        "waiting": None if waiting is None else {"count": waiting, "precision": "EXACT"},
        "orders": {"nodes": list(nodes), "pageInfo": page},
    }


def test_a_day_is_asked_for_as_the_shop_counts_days_and_in_quotes(
    client: ShopifyClient, shopify: Any
) -> None:
    said(shopify, orders())
    client.orders_on(date(2026, 10, 25), BERLIN)  # clocks go back: a day of 25 hours
    assert sent(shopify)["variables"] == {
        "search": "created_at:>='2026-10-24T22:00:00Z' created_at:<'2026-10-25T23:00:00Z'",
        "after": None,
    }


def test_the_days_orders_are_counted_over_all_pages(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, orders(order("1"), order("2", displayFulfillmentStatus="FULFILLED"), after="c1"))
    said(shopify, orders(order("3", displayFulfillmentStatus="PARTIALLY_FULFILLED", amount="0.20"), None))
    read = client.orders_on(date(2026, 11, 24), BERLIN)
    assert sent(shopify)["variables"]["after"] == "c1"
    assert (read.count, read.unfulfilled, read.total) == (3, 2, Decimal("20.40"))
    assert (read.waiting, read.complete) == (3, True)


def test_cancelled_test_and_other_days_orders_do_not_count(client: ShopifyClient, shopify: Any) -> None:
    said(
        shopify,
        orders(
            order("1", cancelledAt="2026-11-24T10:00:00Z"),
            order("2", test=True),
            order("3", at="2026-11-23T22:59:59Z"),  # a search that was ignored brings everything
            order("4", at="2026-11-24T23:00:00Z"),
            order("5", at="2026-11-23T23:00:00Z"),
        ),
    )
    read = client.orders_on(date(2026, 11, 24), BERLIN)
    assert [one.name for one in read.orders] == ["#5"]
    assert read.orders[0].created_at == datetime(2026, 11, 23, 23, tzinfo=UTC)


def test_more_pages_than_are_read_are_told(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, orders(order("1"), after="c1"))
    assert not client.orders_on(date(2026, 11, 24), BERLIN, pages=1).complete


def test_a_next_page_without_a_way_there_is_no_answer(client: ShopifyClient, shopify: Any) -> None:
    page = {"waiting": None, "orders": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}}
    said(shopify, page)
    with pytest.raises(BadAnswer):
        client.orders_on(date(2026, 11, 24), BERLIN)


def test_an_order_that_makes_no_sense_is_no_answer(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, orders(order("1", amount="many")))
    with pytest.raises(BadAnswer):
        client.orders_on(date(2026, 11, 24), BERLIN)


# Stock and products ------------------------------------------------------------------------------------


def variant(name: str, quantity: int | None, tracked: bool = True, status: str = "ACTIVE") -> dict[str, Any]:
    return {
        "id": f"gid://shopify/ProductVariant/{name}",
        "displayName": name,
        "inventoryQuantity": quantity,
        "inventoryItem": {"tracked": tracked},
        "product": {"handle": "h", "status": status, "onlineStoreUrl": None},
    }


def variants(*nodes: dict[str, Any], after: str | None = None) -> dict[str, Any]:
    page = {"hasNextPage": after is not None, "endCursor": after}
    return {"productVariants": {"nodes": list(nodes), "pageInfo": page}}


def test_what_runs_out_is_looked_at_again_and_the_reading_ends_with_the_first_that_does_not(
    client: ShopifyClient, shopify: Any
) -> None:
    said(shopify, variants(variant("a", -1), variant("b", 2, tracked=False), variant("c", 3), after="c1"))
    said(shopify, variants(variant("d", 4, status="DRAFT"), variant("e", 4), variant("f", 5), after="c2"))
    read = client.low_stock(5)
    assert [(one.name, one.quantity) for one in read.variants] == [("a", -1), ("c", 3), ("e", 4)]
    assert (read.complete, len(shopify.calls)) == (True, 2)
    assert sent(shopify)["variables"]["search"] == "inventory_quantity:<5 product_status:active"


PRODUCT = {
    "id": "gid://shopify/Product/1",
    "title": "Moss dinner set",
    "handle": "moss",
    "status": "ACTIVE",
    "onlineStoreUrl": "https://kilnandlinen.example/products/moss",
    "totalInventory": 46,
    "tracksInventory": True,
    "priceRangeV2": {
        "minVariantPrice": {"amount": "48.0", "currencyCode": "EUR"},
        "maxVariantPrice": {"amount": "320.0", "currencyCode": "EUR"},
    },
    "featuredMedia": {"alt": "Plates", "preview": {"image": {"url": "https://cdn/moss.jpg"}}},
}
VARIANT = {
    "id": "gid://shopify/ProductVariant/7",
    "title": "Plate",
    "price": "48.00",
    "availableForSale": True,
    "inventoryQuantity": 34,
    "inventoryPolicy": "CONTINUE",
    "product": {"id": "gid://shopify/Product/1"},
}


def test_the_product_behind_a_link_with_its_variant(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, {"productByIdentifier": PRODUCT, "productVariant": VARIANT})
    product = client.product("moss", "7")
    assert product is not None
    assert product.variant is not None
    assert (product.title, product.stock, product.lowest.amount) == ("Moss dinner set", 46, Decimal(48))
    assert (product.picture, product.alt_text) == ("https://cdn/moss.jpg", "Plates")
    assert (product.variant.price, product.variant.quantity, product.variant.oversells) == (
        Decimal(48),
        34,
        True,
    )
    assert sent(shopify)["variables"] == {
        "handle": "moss",
        "variant": "gid://shopify/ProductVariant/7",
        "with_variant": True,
    }


def test_a_product_without_store_address_or_picture(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, {"productByIdentifier": PRODUCT | {"onlineStoreUrl": None, "featuredMedia": None}})
    product = client.product("moss")
    assert product is not None
    assert (product.url, product.picture, product.variant) == ("", "", None)
    assert sent(shopify)["variables"]["with_variant"] is False


def test_another_products_variant_is_not_this_ones(client: ShopifyClient, shopify: Any) -> None:
    stranger = VARIANT | {"product": {"id": "gid://shopify/Product/2"}}
    said(shopify, {"productByIdentifier": PRODUCT, "productVariant": stranger})
    product = client.product("moss", "7")
    assert product is not None
    assert product.variant is None


def test_a_handle_that_the_shop_does_not_have(client: ShopifyClient, shopify: Any) -> None:
    said(shopify, {"productByIdentifier": None})
    assert client.product("nothing") is None


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://kiln.example/products/moss", ProductLink("moss")),
        (
            "https://WWW.Kiln.example/en/collections/new/products/Moss/?variant=7&utm=x",
            ProductLink("moss", "7"),
        ),
        ("https://kiln.example/products/m%C3%BCsli?variant=x", ProductLink("müsli")),
        ("https://kiln.example/products/", None),
        ("https://kiln.example/pages/products", None),
        ("https://elsewhere.example/products/moss", None),
        ("https://[broken/products/moss", None),
        ("", None),
    ],
)
def test_a_link_is_read_as_the_storefront_makes_them(url: str, link: ProductLink | None) -> None:
    assert ProductLink.read(url, ["kiln.example", "kiln.myshopify.com"]) == link
