"""When a channel posts and when it does not: slots, leads, blackouts, default tags. The only code that writes
them."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from social import clock, networks
from social.models import Blackout, Channel, Post
from social.wall_clock import on_the_clock, shop_zone
from social.workflow.refusals import NotAllowed, Refusal, WrongState

PERMISSION = "social.change_channel"
S = Post.Status
TAKES_A_SLOT = (S.DRAFT, S.PENDING, S.APPROVED, S.SCHEDULED, S.PUBLISHED, S.PARTLY_PUBLISHED)
HORIZON = timedelta(days=60)
"""So far ahead a free slot is looked for."""
AHEAD = timedelta(minutes=5)
"""A slot that begins sooner is none any more."""
DAY = timedelta(hours=24)
MOST_SLOTS = 24
LONGEST = timedelta(days=366)
_TIME = re.compile(r"([01]?\d|2[0-3])[:.h]([0-5]\d)")
_TAG = re.compile(r"#\w+")


# ------------------------------------------------------------------------------------- what is set
def times_of(written: str) -> list[str]:
    """The times of a line such as "9:00, 17:30", in order, each once: "09:00". Raises a `Refusal` that names
    what is none."""
    found: set[str] = set()
    for part in re.split(r"[\s,;]+", written.strip()):
        if not part:
            continue
        match = _TIME.fullmatch(part)
        if match is None:
            raise Refusal(f"“{part[:20]}” is not a time of day: write it like 09:00, several with commas.")
        found.add(f"{int(match[1]):02d}:{match[2]}")
    if len(found) > MOST_SLOTS:
        raise Refusal(f"At most {MOST_SLOTS} slots a day are taken.")
    return sorted(found)


def tags_of(written: str) -> str:
    """Hashtags, each once, in order: "#linen #stoneware". Raises a `Refusal` that names what is none."""
    tags = list(dict.fromkeys(re.split(r"[\s,;]+", written.strip()))) if written.strip() else []
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise Refusal(f"“{tag[:30]}” is not a hashtag: write it like #stoneware, several with blanks.")
    joined = " ".join(tags)
    if len(joined) > 300:
        raise Refusal("At most 300 characters of hashtags are taken.")
    return joined


def print_of_plan(channel: Channel) -> str:
    """A mark of what a page showed of a channel's settings."""
    shown = (channel.slots, channel.decide_lead, channel.default_tags)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:24]


def plan_channel(
    user: User,
    channel_id: int,
    *,
    slots: Sequence[Sequence[str]],
    decide_lead: int,
    default_tags: str,
    shown: str = "",
) -> Channel:
    """Set when a channel posts. `slots`: seven lists of times; `shown`: the `print_of_plan` of the page."""
    _allowed(user)
    with transaction.atomic():
        channel = Channel.objects.select_for_update(no_key=True, of=("self",)).get(pk=channel_id)
        if shown and shown != print_of_plan(channel):
            raise WrongState("Somebody changed it after your page was drawn: what stands there now is shown.")
        channel.slots = [list(times) for times in slots] if any(slots) else []
        channel.decide_lead, channel.default_tags = decide_lead, default_tags
        channel.save(update_fields=["slots", "decide_lead", "default_tags"])
    return channel


def add_blackout(
    user: User, *, starts_at: datetime, ends_at: datetime, reason: str, channel: Channel | None = None
) -> Blackout:
    """Plan nothing in this time, on one channel or on all."""
    _allowed(user)
    if not reason.strip():
        raise Refusal("Say why: others will wonder.")
    if ends_at <= starts_at:
        raise Refusal("It has to end after it begins.")
    if ends_at <= clock.now():
        raise Refusal("It is over already: choose a later end.")
    if ends_at - starts_at > LONGEST:
        raise Refusal("At most a year can be kept free at once.")
    return Blackout.objects.create(
        channel=channel, starts_at=starts_at, ends_at=ends_at, reason=reason.strip()[:200], by=user
    )


def remove_blackout(user: User, blackout_id: int) -> Blackout:
    """Let posts be planned in it again. Raises `WrongState` where somebody was first."""
    _allowed(user)
    with transaction.atomic():
        row = Blackout.objects.filter(pk=blackout_id).select_for_update(of=("self",)).first()
        if row is None:
            raise WrongState("It is gone already: somebody else removed it.")
        row.delete()
    return row


def decide_by(post: Post, lead: int | None = None) -> datetime | None:
    """The moment by which somebody has to decide: its time, less the longest lead of its channels; None where
    it goes out once approved. `lead`: that in minutes, where it is known already."""
    if post.scheduled_at is None:
        return None
    if lead is None:
        lead = max((channel.decide_lead for channel in post.content().addressed()), default=0)
    return post.scheduled_at - timedelta(minutes=lead)


def _allowed(user: User) -> None:
    if not user.has_perm(PERMISSION):
        raise NotAllowed("Setting slots, leads and blackouts is for an approver or an operator.")


# ---------------------------------------------------------------------------------------- blackouts
def blackouts(starts: datetime, ends: datetime) -> list[Blackout]:
    """Those that touch this time; one query."""
    rows = Blackout.objects.filter(ends_at__gt=starts, starts_at__lt=ends)
    return list(rows.select_related("channel"))


# -------------------------------------------------------------------------------------------- slots
@dataclass
class Slots:
    """The slots of some channels from a moment on, and what is planned on each: three queries, however many
    are asked for."""

    channels: Sequence[Channel]
    after: datetime
    but: int | None = None
    """The id of a post that takes no place itself."""
    _black: list[Blackout] = field(init=False, repr=False)
    _taken: dict[int, list[datetime]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        until = self.after + HORIZON
        self._black = blackouts(self.after, until)
        self._taken = {channel.pk: [] for channel in self.channels}
        planned = Post.objects.filter(
            sort_at__gt=self.after - DAY,
            sort_at__lt=until,
            scheduled_at__isnull=False,
            status__in=TAKES_A_SLOT,
            revision__channels__in=list(self._taken),
        )
        if self.but is not None:
            planned = planned.exclude(pk=self.but)
        for pk, at in planned.order_by().values_list("revision__channels", "scheduled_at"):
            if at is not None:
                self._taken[pk].append(at)

    def next_free(self, channels: Sequence[Channel]) -> datetime | None:
        """The next slot that is free on each of these: one that they have in common, else the first of any.

        None where none of them has slots, or all are taken within `HORIZON`. A slot is taken by a post
        within its minute, by a blackout, or by a full day of the network's.
        """
        sets = [self._moments(channel) for channel in channels if channel.has_slots]
        if not sets:
            return None
        common = set.intersection(*sets)
        for candidates in (common, set.union(*sets) if not common else set()):
            for at in sorted(candidates):
                if all(self._free(channel, at) for channel in channels):
                    return at
        return None

    def _moments(self, channel: Channel) -> set[datetime]:
        zone, found = shop_zone(), set()
        day = self.after.astimezone(zone).date()
        for number in range(HORIZON.days + 1):
            date = day + timedelta(days=number)
            for written in channel.slots_on(date.weekday()):
                at = on_the_clock(date, time.fromisoformat(written), zone)
                if at >= self.after + AHEAD:
                    found.add(at)
        return found

    def _free(self, channel: Channel, at: datetime) -> bool:
        if any(row.holds(at) and row.concerns([channel.pk]) for row in self._black):
            return False
        taken = self._taken[channel.pk]
        if any(abs(at - other) < timedelta(minutes=1) for other in taken):
            return False
        limit = networks.daily_limit(channel.network, channel.kind, settings.PUBLER_PLAN)
        return limit is None or sum(at - DAY < other <= at for other in taken) < limit


def next_free_slot(
    channels: Sequence[Channel], *, after: datetime | None = None, but: int | None = None
) -> datetime | None:
    """The next free slot of a post on these channels (`Slots.next_free`); None without asking where none of
    them has slots."""
    if not any(channel.has_slots for channel in channels):
        return None
    return Slots(channels, after or clock.now(), but).next_free(channels)


def slot_of(post: Post) -> datetime | None:
    """The next free slot of a post that may yet get another time."""
    if post.revision is None or post.status not in (
        Post.Status.DRAFT,
        Post.Status.PENDING,
        Post.Status.APPROVED,
    ):
        return None
    return next_free_slot(list(post.revision.channels.all()), but=post.pk)


def free_slot_or_why(
    channels: Sequence[Channel], *, after: datetime | None = None, but: int | None = None
) -> datetime:
    """As `next_free_slot`; a `Refusal` tells why there is none."""
    at = next_free_slot(channels, after=after, but=but)
    if at is not None:
        return at
    if not channels:
        raise Refusal("It has no channel yet, so there is no slot for it.")
    if not any(channel.has_slots for channel in channels):
        raise Refusal("None of its channels has posting slots: set them under Channels.")
    raise Refusal(f"Every slot of its channels is taken for {HORIZON.days} days.")
