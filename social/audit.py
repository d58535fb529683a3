"""The audit trail on its way out of the house: who did what to which post, when, from, to and why."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, timedelta
from typing import Any, TextIO

from django.db.models import Q, QuerySet

from social.models import Event
from social.wall_clock import begins, shop_zone

KINDS: Mapping[str, Sequence[str]] = {
    "decisions": ("approve", "reject", "settle", "publish", "move", "resubmit"),
    "writing": ("create", "edit", "reschedule", "submit", "withdraw", "changed"),
    "stopped": ("cancel", "drop", "stop", "recall", "recalled", "recalled to be moved"),
    "sent": ("stamped", "taken over", "found scheduled", "published"),
    "trouble": (
        *("refused", "refused alone", "cannot be built", "failed there", "not sent", "told to wait"),
        *("outcome unknown", "job unclear", "put to a person", "told to wait, unsure", "too late"),
    ),
}
"""What happened, as people ask for it."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """One thing that happened. `moment` is in UTC; `kind`: "person", "program" or "HotDash"; `data`: the
    facts, as JSON."""

    id: int
    moment: str
    post: int
    channel: str
    actor: str
    kind: str
    what: str
    from_status: str
    to_status: str
    why: str
    data: str


def events(
    first: date | None = None,
    last: date | None = None,
    *,
    actor: str = "",
    verb: str = "",
    kind: str = "",
    post: int | None = None,
) -> QuerySet[Event]:
    """Those of these days (both included, by the shop's clock), oldest first. `actor`: a part of the name, or
    the sign-in name; `kind`: one of `KINDS`."""
    rows = Event.objects.select_related("delivery__channel").order_by("id")
    if first is not None:
        rows = rows.filter(created_at__gte=begins(first, shop_zone()))
    if last is not None:
        rows = rows.filter(created_at__lt=begins(last + timedelta(days=1), shop_zone()))
    if actor:
        rows = rows.filter(Q(actor_name__icontains=actor) | Q(actor__username=actor))
    if verb:
        rows = rows.filter(verb=verb)
    if kind in KINDS:
        rows = rows.filter(verb__in=KINDS[kind])
    return rows if post is None else rows.filter(post=post)


def rows(found: QuerySet[Event]) -> Iterator[Row]:
    """As they leave, without all of them in memory."""
    for event in found.iterator(chunk_size=2_000):
        kind = "person" if event.is_person else "program" if event.actor_id else "HotDash"
        yield Row(
            id=event.pk,
            moment=event.created_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            post=event.post_id,
            channel=str(event.delivery.channel) if event.delivery else "",
            actor=event.actor_name,
            kind=kind,
            what=event.verb,
            from_status=event.from_status,
            to_status=event.to_status,
            why=event.note,
            data=json.dumps(event.data, ensure_ascii=False, sort_keys=True),
        )


def write_csv(found: QuerySet[Event], out: TextIO) -> None:
    """With a line of names. A text that a spreadsheet would take for a formula is led by an apostrophe."""
    names = [field.name for field in fields(Row)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows(found):
        writer.writerow([_plain(getattr(row, name)) for name in names])


def write_json(found: QuerySet[Event], out: TextIO) -> None:
    """A list of objects, exactly as it is kept."""
    out.write("[")
    for number, row in enumerate(rows(found)):
        told: dict[str, Any] = {**row.__dict__, "data": json.loads(row.data)}
        out.write(("\n" if number == 0 else ",\n") + json.dumps(told, ensure_ascii=False))
    out.write("\n]\n")


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
