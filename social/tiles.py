"""The shop and the support inbox as the dashboard shows them, from what was read last; no provider is
asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.connections import Connection
from social.explain import moment, paused_words
from social.models import Figures
from social.publishing import providers

P = Connection.Provider

STALE_AFTER = timedelta(minutes=3)
"""They are read every minute; three are missed before it is told."""


@dataclass(frozen=True)
class State:
    """Whether there is anything to show, of when it is, and what is wrong. `stale_since` is None while the
    figures hold."""

    connected: bool
    as_of: datetime | None = None
    stale_since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class LowStock:
    """A variant that runs out."""

    name: str
    quantity: int


@dataclass(frozen=True)
class Shop:
    """None is not known. `day`: of the orders, as the shop counts days, and whether it `is_today` there
    still; `total` in `currency`. `unfulfilled` counts what is to be packed at all. `complete` is false where
    there is more than was counted."""

    state: State
    name: str | None = None
    currency: str | None = None
    day: date | None = None
    is_today: bool = True
    orders: int | None = None
    total: Decimal | None = None
    unfulfilled: int | None = None
    low_stock: int | None = None
    scarcest: tuple[LowStock, ...] = ()
    complete: bool = True


@dataclass(frozen=True)
class Support:
    """Open conversations. `longest_wait_since`: since when the customer waits who has waited longest; None
    where nobody does, or it is not known. `complete` is false where more are open than were looked
    through."""

    state: State
    open: int | None = None
    unassigned: int | None = None
    longest_wait_since: datetime | None = None
    complete: bool = True


def shop(rows: Mapping[str, Connection], now: datetime) -> Shop:
    """`rows` as `providers.connected` brings them."""
    state, data = _read(P.SHOPIFY, rows, now)
    orders, low, about = data.get("orders", {}), data.get("low_stock", {}), data.get("shop", {})
    day = date.fromisoformat(orders["day"]) if orders else None
    return Shop(
        state=state,
        name=about.get("name"),
        currency=about.get("currency"),
        day=day,
        is_today=day is None or day == now.astimezone(ZoneInfo(about["time_zone"])).date(),
        orders=orders.get("orders"),
        total=Decimal(orders["total"]) if orders else None,
        unfulfilled=orders.get("unfulfilled"),
        low_stock=low.get("variants"),
        scarcest=tuple(LowStock(**each) for each in low.get("scarcest", ())),
        complete=orders.get("complete", True) and low.get("complete", True),
    )


def support(rows: Mapping[str, Connection], now: datetime) -> Support:
    """`rows` as `providers.connected` brings them."""
    state, data = _read(P.CHATWOOT, rows, now)
    counts, wait = data.get("counts", {}), data.get("longest_wait", {})
    since = wait.get("since")
    return Support(
        state=state,
        open=counts.get("open"),
        unassigned=counts.get("unassigned"),
        longest_wait_since=datetime.fromisoformat(since) if since else None,
        complete=wait.get("complete", True),
    )


def _read(
    provider: Connection.Provider, rows: Mapping[str, Connection], now: datetime
) -> tuple[State, dict[str, Any]]:
    one, row = providers.other(provider), rows.get(provider)
    if one is None or not one.is_set_up():
        return State(False, reason=f"{provider.label} is not connected."), {}
    figures: Figures | None = getattr(row, "figures", None)
    if row is None or figures is None or figures.as_of is None:
        return State(True, reason=_reason(row, figures, now) or "Not read yet: it is under way."), {}
    since = [at for at in (row.trouble_since, figures.as_of + STALE_AFTER) if at and at <= now]
    stale_since = min(since, default=None)
    reason = _reason(row, figures, now)
    if stale_since and not reason:
        reason = f"Nothing was read since {moment(figures.as_of)}."
    return State(True, figures.as_of, stale_since, reason), figures.data


def _reason(row: Connection | None, figures: Figures | None, now: datetime) -> str:
    """What is wrong, and when it is tried again."""
    if row is None:
        return ""
    if row.is_paused(now):
        return f"{paused_words(row)}."
    if row.trouble:
        later = (
            f" Tried again at {moment(row.not_before)}." if row.not_before and row.not_before > now else ""
        )
        return f"{row.trouble_words}{later}"
    if figures is not None and figures.waits_until and figures.waits_until > now:
        return f"{figures.problem} Read again at {moment(figures.waits_until)}."
    return figures.problem if figures else ""
