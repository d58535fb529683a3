"""What elapsed while nothing was sent, and how it can go out without a burst."""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Min, Prefetch, Q, QuerySet
from django.db.models.functions import Coalesce

from integrations.connections import Connection
from social import clock, networks, workflow
from social.models import Approval, Blackout, Channel, Delivery, Engine, Event, Post, Revision
from social.publishing import connect
from social.wall_clock import on_the_clock, shop_zone
from social.workflow import Actor, Cost
from social.workflow import deliveries as steps
from social.workflow.moving import cost_of, may_approve, print_of
from social.workflow.pausing import What

D = Delivery.Status
Do = Literal["send", "move", "drop"]

APART = timedelta(minutes=5)
"""Least time between two posts of a plan on one channel: what piled up goes out over time, not at once."""
MOST = 200
"""Posts in one plan; the rest follows when these are decided."""
DAY = timedelta(hours=24)
HORIZON = timedelta(hours=48)
"""How far ahead a plan sees what else has its time."""
LOOKED_FOR_AT_ONCE = 200


# --------------------------------------------------------------------------------------- what elapsed
def named(what: What | None) -> str:
    """How an address names what is to be resumed: "" for everything."""
    if what is None:
        return ""
    return f"?{'channel' if isinstance(what, Channel) else 'connection'}={what.pk}"


def waiting(what: What | None = None) -> QuerySet[Delivery]:
    """What is queued there, of the connected workspace: what belongs to another one waits for that."""
    rows = Delivery.objects.filter(status=D.QUEUED, connection__connected=True)
    if isinstance(what, Channel):
        return rows.filter(channel=what)
    return rows if what is None else rows.filter(connection=what)


def late(rows: QuerySet[Delivery], now: datetime) -> QuerySet[Delivery]:
    """Of these, what is not sent any more before a person says so."""
    return rows.filter(due_at__lt=now - timedelta(seconds=settings.LATE_AFTER_SECONDS))


def elapsed(now: datetime, what: What | None = None, *, held: bool) -> QuerySet[Delivery]:
    """What a person is to decide about: all that is late, and while it is `held`, all that came due."""
    rows = waiting(what)
    return rows.filter(due_at__lte=now) if held else late(rows, now)


def anything_elapsed(what: What | None) -> bool:
    """Whether letting it go on asks for a plan: something is late, or would go out in a burst."""
    now = clock.now()
    if late(waiting(what), now).exists():
        return True
    piled_up = elapsed(now, what, held=True).order_by().values("channel").annotate(n=Count("pk"))
    return piled_up.filter(n__gt=1).exists()


def posts_of(rows: QuerySet[Delivery]) -> tuple[list[int], bool]:
    """The posts of these deliveries, the first due first, and whether there are more than one plan takes."""
    found = rows.order_by("due_at", "id").values_list("post_id", flat=True)
    ids = list(dict.fromkeys(found[: MOST * 10]))
    return ids[:MOST], len(ids) > MOST


def let_go(user: User, what: What | None) -> None:
    """Resume it. Raises a `Refusal` where somebody was first, or this person may not."""
    if isinstance(what, Connection):
        connect.resume(what, user)
    else:
        workflow.resume(user, what=what)


# ---------------------------------------------------------------------------------------- after a gap
def look_for_what_elapsed(connection: Connection, engine: Engine) -> int:
    """After a gap in HotDash's own life, what waits for a person is looked for as well, before anybody
    decides: it may have been public for long. Returns how many deliveries are looked for from now on."""
    if engine.trusted_from is None:
        return 0
    free_from = engine.trusted_from + timedelta(seconds=settings.RECONCILE_GRACE_SECONDS)
    rows = (
        waiting(connection)
        .filter(Q(looked_from=None) | Q(looked_from__lt=free_from), due_at__lte=clock.now())
        .annotate(words_from=Coalesce("revision__moved_from__created_at", "revision__created_at"))
        .filter(words_from__lt=engine.trusted_from)
        .select_related("post", "channel")
        .order_by("post_id", "pk")[:LOOKED_FOR_AT_ONCE]
    )
    note = "a gap in HotDash's own life: is it live already?"
    return sum(
        steps.move(row, "looked for first", quiet_from=None, looks=0, next_look_at=free_from, note=note)
        for row in rows
    )


@dataclass(frozen=True)
class LookedFor:
    """What the look after a gap found, in deliveries: `live` are taken over, `free` may be sent, `unsure` a
    person decides about; `open` are still looked for."""

    since: datetime
    live: int
    free: int
    unsure: int
    open: int

    @property
    def all(self) -> int:
        return self.live + self.free + self.unsure + self.open


def looked_for(engine: Engine, now: datetime) -> LookedFor | None:
    """After a gap of the last day in which something had to be looked for; three queries at most."""
    since = engine.trusted_from
    if since is None or since < now - DAY:
        return None
    events = Event.objects.filter(created_at__gte=since)
    sought = set(events.filter(verb="looked for first").values_list("delivery_id", flat=True))
    if not sought:
        return None
    freed = set(events.filter(verb="not live yet").values_list("delivery_id", flat=True))
    rows = list(Delivery.objects.filter(pk__in=sought).values_list("pk", "status", "decide"))
    unsure = sum(decide for _, _, decide in rows)
    is_open = sum(status == D.UNCONFIRMED and not decide for pk, status, decide in rows if pk not in freed)
    live = sum(status in (D.PUBLISHED, D.SCHEDULED) for pk, status, _ in rows if pk not in freed)
    return LookedFor(since, live, sum(pk in freed for pk, *_ in rows), unsure, is_open)


# --------------------------------------------------------------------------------------------- spread
@dataclass
class Lane:
    """One channel over time: moments at which something is or will be public there, in order."""

    times: list[datetime]
    limit: int | None

    def free_from(self, at: datetime, apart: timedelta) -> datetime:
        """`at` itself where there is room for it, else a later moment before which there is none."""
        near = [taken for taken in self.times if abs(taken - at) < apart]
        if near:
            return near[-1] + apart
        if self.limit is None or len(self.times) < self.limit:
            return at
        # Any 24 hours count, so those too that reach ahead to what has its time already.
        full = [
            first
            for first, last in zip(self.times, self.times[self.limit - 1 :], strict=False)
            if max(last, at) - min(first, at) < DAY
        ]
        return full[-1] + DAY if full else at

    def take(self, at: datetime) -> None:
        bisect.insort(self.times, at)


def apart() -> timedelta:
    """Between two posts of a plan on one channel."""
    return max(APART, timedelta(seconds=settings.PUBLISH_GAP_SECONDS))


def lanes_of(channels: Iterable[Channel], posts: Sequence[int], now: datetime) -> dict[int, Lane]:
    """The channels with all that has its moment there, but for these posts: two queries."""
    by_key = {channel.pk: channel for channel in channels}
    others = Delivery.objects.filter(channel__in=by_key)
    sent = others.filter(
        status__in=[*Delivery.IN_AIR, D.SCHEDULED, D.PUBLISHED],
        goes_at__gt=now - DAY,
        goes_at__lt=now + HORIZON,
    )
    to_come = others.filter(status=D.QUEUED, due_at__gt=now, due_at__lt=now + HORIZON)
    times: dict[int, list[datetime]] = {pk: [] for pk in by_key}
    for pk, at in sent.values_list("channel_id", "goes_at"):
        if at is not None:
            times[pk].append(at)
    for pk, at in to_come.exclude(post__in=posts).values_list("channel_id", "due_at"):
        times[pk].append(at)
    return {
        pk: Lane(
            sorted(times[pk]),
            networks.daily_limit(by_key[pk].network, by_key[pk].kind, settings.PUBLER_PLAN),
        )
        for pk in by_key
    }


def first_free(lanes: Sequence[Lane], at: datetime, apart: timedelta) -> datetime:
    """The first moment from `at` on, to the minute, at which all of these channels have room."""
    at = _minute(at)
    while True:
        later = max((lane.free_from(at, apart) for lane in lanes), default=at)
        if later <= at:
            return at
        at = _minute(later)


def _minute(at: datetime) -> datetime:
    """The full minute that is not before it."""
    full = at.replace(second=0, microsecond=0)
    return full if full == at else full + timedelta(minutes=1)


# ----------------------------------------------------------------------------------------------- plan
@dataclass(frozen=True)
class Choice:
    """What a person chose for a post; `at`: the time to which it is moved."""

    do: Do
    at: datetime | None = None


@dataclass
class Item:
    """One post of the plan, and what becomes of it. `at` and `cost` are of a send or a move."""

    post: Post
    rows: Sequence[Delivery]
    due_at: datetime
    approved: datetime
    do: Do = "send"
    at: datetime | None = None
    cost: Cost | None = None
    number: int = 0
    may_approve: bool = False
    blackouts: Sequence[Blackout] = ()

    def cost_at(self, at: datetime, *, may_approve: bool) -> Cost:
        return cost_of(self.approved, at, may_approve=may_approve, blackouts=self.blackouts)

    @property
    def channels(self) -> list[Channel]:
        return [row.channel for row in self.rows]

    @property
    def shown(self) -> str:
        """The mark of what is decided about."""
        return print_of(self.post.content().content_hash, self.rows)


@dataclass
class Plan:
    """Posts in the order of their times; `lanes` with all that is there already, `starts` the first
    moment."""

    items: Sequence[Item]
    lanes: Mapping[int, Lane] = field(default_factory=dict)
    starts: datetime | None = None

    def number_of(self, do: Do) -> int:
        return sum(item.do == do for item in self.items)


def plan(ids: Sequence[int], choices: Mapping[int, Choice], actor: Actor, now: datetime) -> Plan:
    """How these posts go out: as chosen, and where nothing was, as proposed. The number of queries does not
    grow with the posts."""
    items = sorted(_items(ids, actor), key=lambda item: (item.due_at, item.post.pk))
    lanes = lanes_of((channel for item in items for channel in item.channels), ids, now)
    starts, gap = _minute(now) + timedelta(minutes=1), apart()
    taken = {pk: Lane(list(lane.times), lane.limit) for pk, lane in lanes.items()}
    blackouts = list(Blackout.objects.filter(ends_at__gt=now))
    number = 0
    for item in items:
        item.blackouts = [row for row in blackouts if row.concerns([one.channel_id for one in item.rows])]
        own = [taken[channel.pk] for channel in item.channels]
        slot = first_free(own, starts, gap)
        choice = choices.get(item.post.pk) or _proposed(item, slot, now)
        item.do = choice.do
        if choice.do == "send":
            number += 1
            item.number, item.at = number, slot
            for lane in own:
                lane.take(slot)
        elif choice.do == "move":
            item.at = choice.at
        if item.at is not None:
            item.cost = item.cost_at(item.at, may_approve=item.may_approve)
    return Plan(items, lanes, starts)


def _proposed(item: Item, slot: datetime, now: datetime) -> Choice:
    """Sent now, where its approval stands for that; else at the same time of day, when that comes next."""
    if item.cost_at(slot, may_approve=False) is Cost.KEEPS:
        return Choice("send")
    return Choice("move", next_time(item.due_at, now))


def next_time(due_at: datetime, now: datetime) -> datetime:
    """The same time of day in the shop's zone, when it comes next."""
    zone = shop_zone()
    wall = due_at.astimezone(zone).time().replace(second=0, microsecond=0)
    today = now.astimezone(zone).date()
    at = on_the_clock(today, wall, zone)
    return at if at > now + APART else on_the_clock(today + timedelta(days=1), wall, zone)


def _items(ids: Sequence[int], actor: Actor) -> list[Item]:
    posts = (
        Post.objects.filter(pk__in=ids)
        .select_related("revision", "author", "token")
        .prefetch_related(
            "revision__revision_media",
            Prefetch("deliveries", Delivery.objects.select_related("channel").order_by("channel", "pk")),
            Prefetch("approvals", Approval.objects.select_related("revision", "kept_from__revision")),
        )
    )
    wrote: dict[int, set[int]] = {}
    revisions = Revision.objects.filter(post__in=ids, in_review=False, moved_from=None).order_by()
    for post_id, user_id in revisions.values_list("post_id", "created_by_id").distinct():
        wrote.setdefault(post_id, set()).add(user_id)
    items = []
    for post in posts:
        rows = [row for row in post.deliveries.all() if row.status == D.QUEUED]
        if post.revision is None or not rows:
            continue
        due_at = min(row.due_at for row in rows)
        items.append(
            Item(
                post=post,
                rows=rows,
                due_at=due_at,
                approved=_approved_time(post) or due_at,
                may_approve=may_approve(actor, wrote.get(post.pk, set()) | {post.author_id}),
            )
        )
    return items


def _approved_time(post: Post) -> datetime | None:
    current = post.content().content_hash
    given = [
        approval
        for approval in post.approvals.all()
        if approval.decision == Approval.Decision.APPROVED and approval.content_hash == current
    ]
    return given[-1].approved_time if given else None


def due_of(ids: Sequence[int]) -> dict[int, datetime]:
    """When what is queued of these posts was first due."""
    rows = Delivery.objects.filter(post__in=ids, status=D.QUEUED).order_by()
    return dict(rows.values_list("post_id").annotate(Min("due_at")))


def named_posts(ids: Sequence[int]) -> QuerySet[Post]:
    """These posts, with what their names are made of."""
    return Post.objects.filter(pk__in=ids).select_related("revision")
