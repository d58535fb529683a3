"""What Shopify's answers mean to us: the shop, its orders, what runs out, the product behind a link."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

NOTHING_TO_PACK: Final = frozenset({"FULFILLED", "RESTOCKED", "FULFILLMENT_NOT_REQUIRED"})
"""Fulfilment states of an order for which nobody has to do anything any more."""

Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class ShopifyModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Money(ShopifyModel):
    amount: Decimal
    currency: str = Field(alias="currencyCode")


class Shop(ShopifyModel):
    """`errors` are Shopify's words about parts that it left out; the same with every answer below."""

    name: str
    currency: str = Field(alias="currencyCode")
    time_zone: str = Field(alias="ianaTimezone")
    domain: Text = Field("", alias="myshopifyDomain")
    errors: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """Where the shop's day begins. Raises ZoneInfoNotFoundError."""
        return ZoneInfo(self.time_zone)


class Order(ShopifyModel):
    """`total` is what is to be paid now, after refunds and edits, in the shop's currency."""

    id: str
    name: str
    created_at: datetime = Field(alias="createdAt")
    cancelled_at: datetime | None = Field(None, alias="cancelledAt")
    test: bool = False
    fulfilment: str = Field(alias="displayFulfillmentStatus")
    total: Money = Field(validation_alias=AliasPath("currentTotalPriceSet", "shopMoney"))


@dataclass(frozen=True)
class Orders:
    """The orders of a time, without cancelled and test orders.

    `waiting` counts what is to be packed at all, whenever it was ordered (of 60 days: `read_orders` sees no
    further); None where Shopify does not say. `complete` is false where there were more pages than were read.
    """

    orders: tuple[Order, ...]
    waiting: int | None = None
    complete: bool = True
    errors: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.orders)

    @property
    def unfulfilled(self) -> int:
        return sum(order.fulfilment not in NOTHING_TO_PACK for order in self.orders)

    @property
    def total(self) -> Decimal:
        """In the shop's currency."""
        return sum((order.total.amount for order in self.orders), Decimal())


class Variant(ShopifyModel):
    """What stands behind `?variant=`. `quantity` counts all locations and may be negative."""

    id: str
    title: Text = ""
    price: Decimal
    for_sale: bool = Field(alias="availableForSale")
    quantity: int | None = Field(None, alias="inventoryQuantity")
    policy: Text = Field("", alias="inventoryPolicy")

    @property
    def oversells(self) -> bool:
        """Sold on when it is out of stock."""
        return self.policy == "CONTINUE"


class ScarceVariant(ShopifyModel):
    """A variant that runs out. `url` is "" where its product is not in the online store. Without a `tracked`
    quantity it cannot run out."""

    id: str
    name: str = Field(alias="displayName")
    quantity: Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)] = Field(
        0, alias="inventoryQuantity"
    )
    tracked: bool = Field(False, validation_alias=AliasPath("inventoryItem", "tracked"))
    handle: Text = Field("", validation_alias=AliasPath("product", "handle"))
    status: Text = Field("", validation_alias=AliasPath("product", "status"))
    url: Text = Field("", validation_alias=AliasPath("product", "onlineStoreUrl"))


@dataclass(frozen=True)
class LowStock:
    """The scarcest first. `complete` is false where there were more pages than were read."""

    variants: tuple[ScarceVariant, ...]
    complete: bool = True
    errors: tuple[str, ...] = ()


class Product(ShopifyModel):
    """`status` is ACTIVE, ARCHIVED, DRAFT or UNLISTED; `url` is "" where it is not in the online store.
    Without `tracked`, `stock` says nothing. `variant` is the one that was asked for, where it is this
    product's."""

    id: str
    title: str
    handle: str
    status: str
    url: Text = Field("", alias="onlineStoreUrl")
    stock: int = Field(alias="totalInventory")
    tracked: bool = Field(alias="tracksInventory")
    lowest: Money = Field(validation_alias=AliasPath("priceRangeV2", "minVariantPrice"))
    highest: Money = Field(validation_alias=AliasPath("priceRangeV2", "maxVariantPrice"))
    picture: Text = Field("", validation_alias=AliasPath("featuredMedia", "preview", "image", "url"))
    alt_text: Text = Field("", validation_alias=AliasPath("featuredMedia", "alt"))
    variant: Variant | None = None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProductLink:
    """A link to a product of a shop; `variant` is the number behind `?variant=`, or ""."""

    handle: str
    variant: str = ""

    @classmethod
    def read(cls, url: str, hosts: Iterable[str]) -> Self | None:
        """What a link leads to; None where it is no product, or another shop's. Hosts without `www.`."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").removeprefix("www.")
        except ValueError:
            return None
        # Beside /products/…, the storefront knows /collections/…/products/… and a language in front.
        found = re.search(r"/products/([^/]+)/?$", parts.path)
        if found is None or host not in {known.lower().removeprefix("www.") for known in hosts}:
            return None
        variant = parse_qs(parts.query).get("variant", [""])[0]
        return cls(unquote(found[1]).lower(), variant if variant.isascii() and variant.isdigit() else "")
