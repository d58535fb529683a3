"""The shop Kiln & Linen: what it sells, and what was ordered in the last days."""

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NAME, CURRENCY, ZONE, STORE = "Kiln & Linen", "EUR", "Europe/Berlin", "https://kilnandlinen.example"
DAYS = 4
"""So many days of orders, today among them."""


@dataclass(frozen=True)
class Variant:
    number: int
    title: str
    price: str
    quantity: int
    oversells: bool = False


@dataclass(frozen=True)
class Product:
    handle: str
    title: str
    variants: tuple[Variant, ...]
    status: str = "ACTIVE"
    tracked: bool = True
    listed: bool = True
    """In the online store."""


@dataclass(frozen=True)
class Order:
    number: int
    created_at: datetime
    total: str
    fulfilment: str
    cancelled: bool = False
    test: bool = False


PRODUCTS = (
    Product(
        "moss",
        "Moss dinner set",
        (Variant(101, "Plate", "48.00", 34), Variant(102, "Set of eight", "320.00", 12)),
    ),
    Product("tall-vase", "Tall stoneware vase", (Variant(111, "Cream", "96.00", 7),)),
    Product(
        "candle-holder",
        "Candle holder",
        (Variant(121, "Low", "24.00", 2), Variant(122, "High", "32.00", 18)),
    ),
    Product("linen-napkins", "Linen napkins", (Variant(131, "Four, blue stripe", "52.00", 41),)),
    Product("mug", "Stoneware mug", (Variant(141, "Cream", "28.00", 26), Variant(142, "Blue", "28.00", 4))),
    Product(
        "teal-pitcher",
        "Pitcher in teal dip",
        (Variant(151, "Small", "64.00", 9), Variant(152, "Large", "88.00", 3)),
    ),
    Product(
        "nesting-bowls",
        "Nesting bowls",
        (
            Variant(161, "Ochre, chalk, harbour blue", "78.00", 14),
            Variant(162, "Ochre alone", "26.00", 0),
            Variant(163, "Chalk alone", "26.00", -2, oversells=True),
        ),
    ),
    Product("gift-card", "Gift card", (Variant(171, "€50", "50.00", 0),), tracked=False),
    Product("winter-plate", "Winter plate", (Variant(181, "Plate", "58.00", 40),), "DRAFT", listed=False),
    Product("summer-plate", "Summer plate", (Variant(191, "Plate", "44.00", 1),), "ARCHIVED", listed=False),
)


@dataclass
class Shop:
    """What the API says about it at a moment. `url` is where the pictures are."""

    url: str
    products: tuple[Product, ...] = PRODUCTS
    _orders: dict[Any, list[Order]] = field(default_factory=dict)

    def shop(self) -> dict[str, Any]:
        return {
            "name": NAME,
            "currencyCode": CURRENCY,
            "ianaTimezone": ZONE,
            "myshopifyDomain": "kiln-and-linen.myshopify.com",
        }

    def orders(self, now: datetime, search: str) -> list[dict[str, Any]]:
        """Those that the search finds, the oldest first. As at Shopify, a filter that is not understood (a
        time without quotes) is no filter."""
        found = self._ordered(now)
        for comparison, at in re.findall(r"created_at:(>=|<)'([^']+)'", search):
            moment = datetime.fromisoformat(at)
            found = [order for order in found if (order.created_at >= moment) == (comparison == ">=")]
        return [_order(order) for order in found]

    def waiting(self, now: datetime) -> int:
        """Orders that are to be packed."""
        open_ = [order for order in self._ordered(now) if not order.cancelled]
        return sum(order.fulfilment == "UNFULFILLED" for order in open_)

    def variants(self, search: str) -> list[dict[str, Any]]:
        """The scarcest first."""
        below = re.search(r"\binventory_quantity:<(\d+)", search)
        status = re.search(r"\bproduct_status:(\w+)", search)
        found = [
            (variant.quantity, _scarce(product, variant))
            for product in self.products
            for variant in product.variants
            if (below is None or variant.quantity < int(below[1]))
            and (status is None or product.status == status[1].upper())
        ]
        return [variant for _, variant in sorted(found, key=lambda pair: pair[0])]

    def product(self, handle: str) -> dict[str, Any] | None:
        product = next((product for product in self.products if product.handle == handle), None)
        if product is None:
            return None
        prices = sorted(product.variants, key=lambda variant: float(variant.price))
        return {
            "id": _id("Product", product.variants[0].number),
            "title": product.title,
            "handle": product.handle,
            "status": product.status,
            "onlineStoreUrl": _address(product),
            "totalInventory": sum(variant.quantity for variant in product.variants),
            "tracksInventory": product.tracked,
            "priceRangeV2": {
                "minVariantPrice": _money(prices[0].price),
                "maxVariantPrice": _money(prices[-1].price),
            },
            "featuredMedia": {
                "alt": product.title,
                "preview": {"image": {"url": f"{self.url}/pictures/{product.handle}.svg"}},
            },
        }

    def variant(self, gid: str) -> dict[str, Any] | None:
        for product in self.products:
            for variant in product.variants:
                if _id("ProductVariant", variant.number) == gid:
                    return {
                        "id": gid,
                        "title": variant.title,
                        "price": variant.price,
                        "availableForSale": variant.quantity > 0 or variant.oversells or not product.tracked,
                        "inventoryQuantity": variant.quantity,
                        "inventoryPolicy": "CONTINUE" if variant.oversells else "DENY",
                        "product": {"id": _id("Product", product.variants[0].number)},
                    }
        return None

    def _ordered(self, now: datetime) -> list[Order]:
        """The same orders whenever they are asked for; today's come in over the day."""
        midnight = now.astimezone(ZoneInfo(ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
        days = [(midnight - timedelta(days=back)) for back in reversed(range(DAYS))]
        for day in days:
            if day.date() not in self._orders:
                self._orders[day.date()] = _orders_of(day)
        found = [order for day in days for order in self._orders[day.date()] if order.created_at <= now]
        fresh = now - timedelta(hours=10)
        return [
            order if order.created_at > fresh else Order(**{**vars(order), "fulfilment": "FULFILLED"})
            for order in found
        ]


def _orders_of(midnight: datetime) -> list[Order]:
    chance = random.Random(midnight.toordinal())
    prices = [float(variant.price) for product in PRODUCTS for variant in product.variants]
    moments = sorted(chance.uniform(0, 24 * 3600) for _ in range(chance.randint(12, 20)))
    first = 1000 + midnight.toordinal() % 1000 * 20
    return [
        Order(
            number=first + number,
            created_at=(midnight + timedelta(seconds=round(moment))).astimezone(UTC),
            total=f"{sum(chance.choices(prices, k=chance.randint(1, 3))):.2f}",
            fulfilment="PARTIALLY_FULFILLED" if number % 7 == 6 else "UNFULFILLED",
            cancelled=number == 3,
            test=number == 5,
        )
        for number, moment in enumerate(moments)
    ]


def _order(order: Order) -> dict[str, Any]:
    created_at = f"{order.created_at:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "id": _id("Order", order.number),
        "name": f"#{order.number}",
        "createdAt": created_at,
        "cancelledAt": created_at if order.cancelled else None,
        "test": order.test,
        "displayFulfillmentStatus": order.fulfilment,
        "currentTotalPriceSet": {"shopMoney": _money("0.00" if order.cancelled else order.total)},
    }


def _scarce(product: Product, variant: Variant) -> dict[str, Any]:
    return {
        "id": _id("ProductVariant", variant.number),
        "displayName": f"{product.title} - {variant.title}",
        "inventoryQuantity": variant.quantity,
        "inventoryItem": {"tracked": product.tracked},
        "product": {"handle": product.handle, "status": product.status, "onlineStoreUrl": _address(product)},
    }


def _address(product: Product) -> str | None:
    return f"{STORE}/products/{product.handle}" if product.listed else None


def _money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": CURRENCY}


def _id(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"
