"""The shop's and the support inbox's card on the home page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from integrations.connections import Connection
from social import tiles
from social.explain import moment, span
from social.tiles import Shop, State, Support

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "PLN": "zł "}
UNKNOWN = "–"


@dataclass(frozen=True)
class Figure:
    """A number as it is shown, and what it counts."""

    shown: str
    words: str


@dataclass(frozen=True)
class Card:
    """`trouble`: what is wrong with what is shown, in words; `fact` and `hint` stand where there is nothing
    to show."""

    title: str
    as_of: datetime | None
    stale: bool
    figures: tuple[Figure, ...] = ()
    line: str = ""
    trouble: str = ""
    fact: str = ""
    hint: str = ""


def cards(rows: Mapping[str, Connection], now: datetime) -> tuple[Card, Card]:
    """`rows` as `providers.connected` brings them; nothing else is asked."""
    return shop(tiles.shop(rows, now)), support(tiles.support(rows, now), now)


def shop(of: Shop) -> Card:
    if of.state.as_of is None:
        return _empty("Shop", of.state)
    day = "today" if of.is_today else f"on {of.day.day} {of.day:%b}" if of.day else "today"
    figures = (
        Figure(_number(of.orders), f"orders {day}"),
        Figure(UNKNOWN if of.total is None else money(of.total, of.currency or ""), "revenue"),
        Figure(_number(of.low_stock), "low stock"),
    )
    pack = "" if of.unfulfilled is None else f"{_number(of.unfulfilled)} to pack."
    scarce = [f"{each.name}: {_left(each.quantity)}." for each in of.scarcest[:1]]
    more = "" if of.complete else "There is more than was counted."
    line = " ".join(words for words in (pack, *scarce, more) if words)
    return _filled("Shop", of.state, figures, line)


def support(of: Support, now: datetime) -> Card:
    if of.state.as_of is None:
        return _empty("Support", of.state)
    since = of.longest_wait_since
    figures = (
        Figure(_number(of.open), "open"),
        Figure(_number(of.unassigned), "unassigned"),
        Figure(span((now - since).total_seconds()) if since else "none", "longest wait"),
    )
    line = "" if of.complete else "Somebody may wait longer: not all conversations were looked through."
    return _filled("Support", of.state, figures, line)


def money(amount: Decimal, currency: str) -> str:
    """An amount as a figure: whole from a hundred on, since cents only distract there."""
    number = f"{abs(amount):,.0f}" if abs(amount) >= 100 or amount == int(amount) else f"{abs(amount):,.2f}"
    return f"{'−' if amount < 0 else ''}{SYMBOLS.get(currency, f'{currency} ')}{number}"


def _filled(title: str, state: State, figures: tuple[Figure, ...], line: str) -> Card:
    since = f"Not current since {moment(state.stale_since)}." if state.stale_since else ""
    trouble = " ".join(words for words in (since, state.reason) if words)
    return Card(title, state.as_of, state.stale_since is not None, figures, line, trouble)


def _empty(title: str, state: State) -> Card:
    if not state.connected:
        return Card(title, None, False, fact=state.reason, hint="Posts go out without it.")
    return Card(title, None, False, fact="No figures yet.", hint=state.reason)


def _number(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _left(quantity: int) -> str:
    return f"{quantity} left" if quantity > 0 else "none left" if not quantity else f"{-quantity} oversold"
