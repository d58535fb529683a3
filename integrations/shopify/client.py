"""What HotDash asks a shop, through Shopify's GraphQL Admin API. Reads alone: nothing there is changed."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Generic, TypeVar
from zoneinfo import ZoneInfo

from integrations.ratelimit import Limiter, Priority
from integrations.retry import ONCE, Retry
from integrations.shopify.graphql import Errors, GraphQL, Parse, Query
from integrations.shopify.token import Token
from integrations.shopify.types import LowStock, Order, Orders, Product, ScarceVariant, Shop, Variant

T = TypeVar("T")

MOST_PAGES: Final = 20
"""Of 50 each; more makes no figure on a dashboard better."""


class ShopifyClient:
    """One app's view of one shop. Every call may raise Held, NotSent, Refused or BadAnswer. None sleeps,
    except those of a `patient` one."""

    def __init__(
        self,
        base_url: str,
        version: str,
        token: Token,
        limiter: Limiter,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        """`base_url` is what stands before `/admin/…`."""
        self._graphql = GraphQL(base_url, version, token, limiter, connect_timeout, read_timeout)
        self._retry = ONCE
        self._shop, self._product = Query("shop", 2), Query("product", 15)
        self._orders, self._low_stock = Query("orders", 160), Query("low_stock", 160)

    def __repr__(self) -> str:
        return f"<ShopifyClient {self._graphql!r}>"

    @property
    def version_gone(self) -> str:
        """The version that answered instead of the one asked for; "" while that one is alive."""
        return self._graphql.answered if self._graphql.answered != self._graphql.version else ""

    def patient(self, retry: Retry) -> "ShopifyClient":
        """The same for a caller that may wait: reads that bring nothing are repeated."""
        other = copy(self)
        other._retry = retry
        return other

    def shop(self, priority: Priority = Priority.BACKGROUND) -> Shop:
        """Its name, currency and time zone."""
        return self._ask(self._shop, lambda data, errors: Shop(**data["shop"], errors=errors), priority)

    def orders_on(
        self, day: date, zone: ZoneInfo, priority: Priority = Priority.BACKGROUND, pages: int = MOST_PAGES
    ) -> Orders:
        """The orders of one day as the shop counts days; one call a page."""
        begin, end = (
            datetime.combine(at, time(), zone).astimezone(UTC) for at in (day, day + timedelta(days=1))
        )
        # Without quotes the colons of a time would be read as filters, and everything would come back.
        search = f"created_at:>='{begin:%Y-%m-%dT%H:%M:%SZ}' created_at:<'{end:%Y-%m-%dT%H:%M:%SZ}'"
        read = list(self._pages(self._orders, search, _page("orders", Order), priority, pages))
        return Orders(
            orders=tuple(
                order
                for page in read
                for order in page.nodes
                if begin <= order.created_at < end and not order.test and order.cancelled_at is None
            ),
            waiting=read[0].waiting,
            complete=not read[-1].after,
            errors=tuple(error for page in read for error in page.errors),
        )

    def low_stock(
        self, below: int = 5, priority: Priority = Priority.BACKGROUND, pages: int = MOST_PAGES
    ) -> LowStock:
        """The variants of active products of which fewer than `below` are left; one call a page."""
        search = f"inventory_quantity:<{below} product_status:active"
        read: list[_Page[ScarceVariant]] = []
        for page in self._pages(
            self._low_stock, search, _page("productVariants", ScarceVariant), priority, pages
        ):
            read.append(page)
            # Sorted by quantity. A filter that Shopify does not know is ignored in silence: what comes is
            # looked at again, here and below.
            if any(variant.quantity >= below for variant in page.nodes):
                read.append(_Page((), None))
                break
        return LowStock(
            variants=tuple(
                variant
                for page in read
                for variant in page.nodes
                if variant.quantity < below and variant.tracked and variant.status == "ACTIVE"
            ),
            complete=not read[-1].after,
            errors=tuple(error for page in read for error in page.errors),
        )

    def product(
        self, handle: str, variant: str = "", priority: Priority = Priority.BACKGROUND
    ) -> Product | None:
        """The product behind a link; None where the shop has none of this handle. `variant` is the number
        behind `?variant=`."""
        return self._ask(
            self._product,
            _product,
            priority,
            handle=handle,
            variant=f"gid://shopify/ProductVariant/{variant or 0}",
            with_variant=bool(variant),
        )

    # --------------------------------------------------------------------------------------------------

    def _pages(
        self, query: Query, search: str, parse: "Parse[_Page[T]]", priority: Priority, most: int
    ) -> "Iterator[_Page[T]]":
        after: str | None = None
        for _ in range(most):
            page = self._ask(query, parse, priority, search=search, after=after)
            yield page
            after = page.after
            if not after:
                return

    def _ask(self, query: Query, parse: Parse[T], priority: Priority, **variables: object) -> T:
        return self._graphql.ask(query, variables, parse, priority, self._retry)


@dataclass(frozen=True)
class _Page(Generic[T]):
    """`after` leads to the next one, None on the last."""

    nodes: tuple[T, ...]
    after: str | None
    waiting: int | None = None
    errors: Errors = ()


def _page(connection: str, node: Callable[..., T]) -> "Parse[_Page[T]]":
    def parse(data: dict[str, Any], errors: Errors) -> "_Page[T]":
        page, waiting = data[connection], data.get("waiting")
        more = page["pageInfo"]["hasNextPage"]
        after = page["pageInfo"]["endCursor"] if more else None
        if more and not after:
            raise ValueError("more pages, and no way there")
        nodes = tuple(node(**each) for each in page["nodes"] if each is not None)
        return _Page(nodes, after, waiting["count"] if waiting else None, errors)

    return parse


def _product(data: dict[str, Any], errors: Errors) -> Product | None:
    found, variant = data["productByIdentifier"], data.get("productVariant")
    if found is None:
        if errors:
            raise ValueError("left out, which is not absent")
        return None
    if variant is None or variant["product"]["id"] != found["id"]:
        return Product(**found, errors=errors)
    return Product(**found, variant=Variant(**variant), errors=errors)
