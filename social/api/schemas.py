"""What callers send and get. A field that is not named here is refused, so nothing else can be set."""

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from social.models import Delivery, Post
from social.models.channel import NETWORK_NAMES
from social.networks import link_problem

MOST_MEDIA = 10
MOST_IN_A_BATCH = 50
LARGEST_EVIDENCE = 20_000
"""Characters of the evidence's JSON."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|z|[+-]\d\d:?\d\d)", re.ASCII)
_is_url = URLValidator(schemes=["http", "https"])


def _written_moment(value: object) -> object:
    """Only what RFC 3339 writes: neither a number nor a time that means another moment elsewhere."""
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise PydanticCustomError("moment", "Write a moment with its offset, like 2026-11-24T12:00:00+01:00.")
    if not isinstance(value, str | None):
        raise PydanticCustomError("moment", "A moment is a text, like 2026-11-24T12:00:00+01:00.")
    return value


def in_utc(value: datetime) -> datetime:
    """The same moment in UTC: PostgreSQL refuses offsets of 16 hours and more, which RFC 3339 allows."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        # On the first or the last day that there is; nothing of ours is so far away that hours matter.
        return value.replace(tzinfo=UTC)


def _to_come(value: datetime) -> datetime:
    now = timezone.now()
    if value <= now:
        raise PydanticCustomError("past", "This time has passed.")
    if value.year > now.year + 10:
        raise PydanticCustomError("far", "This time is more than ten years away.")
    return value


def _web_address(value: str) -> str:
    try:
        if value:
            _is_url(value)
    except ValidationError:
        raise PydanticCustomError("link", "A link is a full http:// or https:// address.") from None
    if words := link_problem(value):
        raise PydanticCustomError("link", "{words}", {"words": words})
    return value


def _known_network(value: str) -> str:
    if value not in NETWORK_NAMES:
        raise PydanticCustomError("network", "There is no such network.")
    return value


def _once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("twice", "A channel stands twice.")
    return values


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(str(value)) > LARGEST_EVIDENCE:
        raise PydanticCustomError("large", f"At most {LARGEST_EVIDENCE:,} characters of evidence are kept.")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_moment), AfterValidator(in_utc)]
TimeToCome = Annotated[
    Moment, AfterValidator(_to_come), WithJsonSchema({"type": "string", "format": "date-time"})
]
Title = Annotated[str, StringConstraints(max_length=200)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
AccountId = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Accounts = Annotated[list[AccountId], Field(min_length=1, max_length=100), AfterValidator(_once)]
Link = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_web_address)]
NetworkName = Annotated[str, AfterValidator(_known_network)]
Evidence = Annotated[dict[str, Any], AfterValidator(_small)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MediaIn(Strict):
    """A picture. HotDash fetches it itself, once, before anything is written."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    alt_text: Annotated[str, StringConstraints(max_length=1500)] = ""


class OwnWords(Strict):
    """What one network gets instead of the text for all."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]


MediaList = Annotated[list[MediaIn], Field(max_length=MOST_MEDIA)]
Overrides = dict[NetworkName, OwnWords]


class PostIn(Strict):
    """A proposal."""

    text: Text
    channels: Accounts = Field(description="ids of the provider's accounts, as `GET channels` lists them")
    title: Title = Field("", description="the name for us; never shown to the public")
    scheduled_at: TimeToCome | None = Field(None, description="with an offset; without it: when approved")
    link: Link | None = None
    media: MediaList = []
    overrides: Overrides = Field({}, description='per network, for example {"twitter": {"text": "…"}}')
    evidence: Evidence = Field({}, description="on what grounds it is proposed; the approver sees it")
    submit: StrictBool = Field(False, description="ask for approval at once")


class BatchIn(Strict):
    """Proposals, each of which is taken or refused for itself."""

    posts: Annotated[
        list[Any],  # each is read for itself, as a `PostIn`
        Field(min_length=1, max_length=MOST_IN_A_BATCH),
    ]


class PostPatch(Strict):
    """What is to change; what is not named stays. A list or an object replaces the one before."""

    text: Text = ""
    channels: Accounts = []
    title: Title = ""
    scheduled_at: TimeToCome | None = None
    link: Link | None = None
    media: MediaList = []
    overrides: Overrides = {}


class Nothing(Strict):
    """This call takes no fields."""


def _start_of_day(value: object) -> object:
    """A bare day is its beginning, in the reader's zone."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return timezone.make_aware(datetime.combine(date.fromisoformat(value), time.min))
        except (ValueError, OverflowError):
            raise PydanticCustomError("day", "There is no such day.") from None
    # An offset's plus sign that was not encoded arrives as a blank.
    return _written_moment(value.replace(" ", "+") if isinstance(value, str) else value)


Bound = Annotated[
    AwareDatetime,
    BeforeValidator(_start_of_day),
    AfterValidator(in_utc),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Searched = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]


class PostFilters(Strict):
    """All of them hold together."""

    status: Post.Status | None = None
    channel: Searched | None = Field(None, description="id of the provider's account")
    q: Searched | None = Field(None, description="stands in the title, the text or the link")
    from_: Bound | None = Field(
        None, alias="from", description="made at this moment or later; a day, or RFC 3339"
    )
    to: Bound | None = Field(None, description="made before this moment; a day, or RFC 3339")
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before")


# ------------------------------------------------------------------------------------------ answers
class RevisionOut(BaseModel):
    number: int
    content_hash: str = Field(description="SHA-256 over all that the public will see")
    created_at: datetime


class ApprovalOut(BaseModel):
    """The last decision about the current revision."""

    by: str
    at: datetime
    content_hash: str
    decision: Literal["approved", "rejected"]
    reason: str


class DeliveryOut(BaseModel):
    """The post on one channel."""

    channel: str = Field(description="id of the provider's account")
    network: str
    name: str
    status: Delivery.Status
    permalink: str | None
    attempts: int
    next_attempt_at: datetime | None
    error: str | None
    waiting_for: str | None


class MediaOut(BaseModel):
    sha256: str
    content_type: str
    width: int
    height: int
    alt_text: str


class PostOut(BaseModel):
    id: int
    title: str
    text: str
    link: str | None
    media: list[MediaOut]
    overrides: dict[str, dict[str, Any]]
    channels: list[str] = Field(description="ids of the provider's accounts")
    scheduled_at: datetime | None
    status: Post.Status
    label: str | None = Field(description="stands beside the status, for example “Not confirmed”")
    revision: RevisionOut | None
    approval: ApprovalOut | None
    deliveries: list[DeliveryOut]
    receipt: dict[str, Any] | None = Field(description="what the provider gave for it, once published")
    waiting_for: str | None = Field(description="why it is not out yet and until when, in words")
    evidence: dict[str, Any]
    author: str
    source: Post.Source
    created_at: datetime
    updated_at: datetime


class PostPage(BaseModel):
    items: list[PostOut]
    next_cursor: str | None = Field(description="null on the last page")


class EventOut(BaseModel):
    id: int
    at: datetime
    actor: str
    is_person: bool
    verb: str
    from_: str | None = Field(serialization_alias="from")
    to: str | None
    channel: str | None = Field(description="id of the provider's account, of an event on one channel")
    note: str
    data: dict[str, Any]


class EventList(BaseModel):
    items: list[EventOut]


class PieceOut(BaseModel):
    """A run of words: in both texts (`same`), only proposed (`removed`), only decided (`added`)."""

    kind: Literal["same", "removed", "added"]
    text: str


class FieldOut(BaseModel):
    """A field that a person changed, named as in the body of `POST posts`."""

    field: str
    proposed: str
    decided: str
    diff: list[PieceOut] = Field(description="word by word, of a text; empty for other fields")


class FeedbackOut(BaseModel):
    """One decision about a proposal."""

    id: int = Field(description="grows with time")
    post: int
    title: str
    outcome: Literal["approved", "approved_with_edits", "changes_asked", "rejected"]
    by: str
    at: datetime
    reason: str = Field(description="what the person wrote; where changes are asked, the instructions")
    proposed_revision: int
    decided_revision: int
    fields: list[FieldOut] = Field(description="what a person changed before deciding")


class FeedbackList(BaseModel):
    items: list[FeedbackOut]


class FeedbackPage(FeedbackList):
    next_cursor: str | None = Field(description="null on the last page")


class FeedbackFilters(Strict):
    since: Bound | None = Field(None, description="decided at this moment or later; a day, or RFC 3339")
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=20, description="`next_cursor` of the page before")


class ChannelOut(BaseModel):
    id: str = Field(description="id of the provider's account: what `channels` of a post takes")
    network: str
    name: str
    kind: str
    picture: str | None


class ChannelList(BaseModel):
    items: list[ChannelOut]


class QuotaOut(BaseModel):
    """Proposals of a day, as the shop counts days. Editing and asking again cost nothing."""

    limit: int
    used: int
    remaining: int
    resets_at: datetime


class AgentOut(BaseModel):
    """Who calls, and what is expected of them."""

    name: str
    owner: str = Field(description="who answers for it")
    purpose: str
    scopes: list[str] = Field(description="empty for staff, who have permissions instead")
    quota: QuotaOut | None = Field(description="null: none is set")
    instructions: list[str] = Field(description="standing instructions: what every proposal is to keep to")


class LimitOut(BaseModel):
    """How much of a provider's limit is left. Null is not known: nothing was asked in this window yet."""

    limit: int
    remaining: int | None
    resets_at: datetime | None
    paused_until: datetime | None = Field(description="null, too, where a person's pause has no end yet")
    waiting: int = Field(
        description="how many wait: deliveries that are due, and calls that were told to come back later"
    )
    reason: str | None = Field(description="why calls are held, in words")


class QueueOut(BaseModel):
    depth: int = Field(description="deliveries that are approved and not sent yet")
    oldest_due_at: datetime | None
    age_seconds: float | None = Field(description="how long the oldest one that is due has waited")


class NextDue(BaseModel):
    post: int
    title: str
    channel: str
    network: str
    due_at: datetime


class TileOut(BaseModel):
    """Figures as they were last read, null where they are not known. A provider that is not connected says so
    in `reason`."""

    connected: bool
    as_of: datetime | None = Field(description="when the figures were asked for")
    stale: bool = Field(description="whether newer ones could not be had")
    stale_since: datetime | None
    reason: str | None = Field(description="what is wrong, and when it is tried again, in words")
    complete: bool = Field(description="false: there is more than was counted")


class ShopOut(TileOut):
    name: str | None
    day: date | None = Field(description="of the orders, as the shop counted days at `as_of`")
    orders_today: int | None = Field(
        description="without cancelled and test orders; null once `day` is over and nothing newer was read"
    )
    total_today: Decimal | None = Field(description="what is to be paid for them, in `currency`")
    currency: str | None
    unfulfilled: int | None = Field(description="orders that are to be packed, whenever they came")
    low_stock: int | None = Field(description="variants of which fewer than 5 are left")


class SupportOut(TileOut):
    open: int | None
    unassigned: int | None
    oldest_waiting_since: datetime | None = Field(
        description="since when the customer waits who has waited longest; null where nobody does"
    )


class DashboardOut(BaseModel):
    at: datetime
    counts: dict[str, int] = Field(description="posts per status")
    queue: QueueOut
    unconfirmed: int = Field(description="deliveries whose outcome is being established")
    to_decide: int = Field(description="of these, what only a person can settle")
    failed_24h: int
    next_due: NextDue | None
    paused: bool
    stopped_by: str | None = Field(description="what holds everything now, or some of the channels, in words")
    limits: dict[str, LimitOut]
    shop: ShopOut
    support: SupportOut


class BatchRow(BaseModel):
    """What became of one proposal: the post (201), or the problem."""

    status: int
    post: PostOut | None = None
    problem: "ProblemOut | None" = None


class BatchOut(BaseModel):
    items: list[BatchRow] = Field(description="one a proposal, in the order sent")


class ProblemOut(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    model_config = ConfigDict(extra="allow")


class InvalidOut(ProblemOut):
    """A 422 names each field with the rules that it breaks."""

    errors: dict[str, list[str]]
