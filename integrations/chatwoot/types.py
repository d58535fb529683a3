"""What Chatwoot's answers mean to us. Tolerant in what is accepted: times come as unix seconds or as ISO
8601, numbers as texts, and what is empty as null or not at all."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

OUTGOING: Final = 1
Status = Literal["open", "resolved", "pending", "snoozed"]
ListStatus = Literal["open", "resolved", "pending", "snoozed", "all"]
AssigneeType = Literal["me", "unassigned", "assigned", "all"]
Sort = Literal["waiting_since_asc"]


def _moment(value: object) -> datetime | None:
    """A time that cannot be read is no time; it must not make a page of conversations unreadable."""
    try:
        if isinstance(value, int | float) and value > 0:
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and value:
            read = datetime.fromisoformat(value)
            return read if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _seconds(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Count = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Seconds = Annotated[float | None, BeforeValidator(_seconds)]
Labels = Annotated[tuple[str, ...], BeforeValidator(lambda value: value or ())]


class ChatwootModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)


class Counts(ChatwootModel):
    """Conversations of one status. `mine` are those of the token's user."""

    mine: Count = Field(0, alias="mine_count")
    unassigned: Count = Field(0, alias="unassigned_count")
    assigned: Count = Field(0, alias="assigned_count")
    all: int = Field(alias="all_count")


class Conversation(ChatwootModel):
    """`waiting_since` is the time of the customer's first word that nobody has answered; `last_words` the end
    of what was said."""

    id: int
    status: Text = ""
    inbox_id: int | None = None
    labels: Labels = ()
    unread: Count = Field(0, alias="unread_count")
    priority: Text = ""
    last_activity_at: Moment = None
    waiting_since: Moment = None
    contact: Text = Field("", validation_alias=AliasPath("meta", "sender", "name"))
    assignee: Text = Field("", validation_alias=AliasPath("meta", "assignee", "name"))
    last_words: Text = Field("", validation_alias=AliasPath("last_non_activity_message", "content"))


@dataclass(frozen=True)
class ConversationPage:
    """At most 25, and the counts of all that match."""

    conversations: tuple[Conversation, ...]
    counts: Counts


@dataclass(frozen=True)
class LongestWait:
    """`since` is None where nobody waits. `complete` is false where more conversations are open than were
    looked through."""

    since: datetime | None
    complete: bool = True


class Message(ChatwootModel):
    """`kind` is 0 incoming, 1 outgoing, 2 activity, 3 template. `private` is a note that only agents see."""

    id: int
    content: Text = ""
    kind: int = Field(alias="message_type")
    private: bool = False
    created_at: Moment = None
    sender: Text = Field("", validation_alias=AliasPath("sender", "name"))


@dataclass(frozen=True)
class Posted:
    """A message that stands in the conversation. `found`: it was there already, nothing was sent now, or what
    was sent got no answer and was found by a look."""

    message: Message
    found: bool


class Contact(ChatwootModel):
    id: int
    name: Text = ""
    email: Text = ""
    phone: Text = Field("", alias="phone_number")
    identifier: Text = ""


@dataclass(frozen=True)
class ContactPage:
    """At most 15. `count` is how many match in all."""

    contacts: tuple[Contact, ...]
    count: int


class ReportSummary(ChatwootModel):
    """What happened in a time. Averages in seconds, None where there was nothing to measure."""

    conversations: Count = Field(0, alias="conversations_count")
    incoming: Count = Field(0, alias="incoming_messages_count")
    outgoing: Count = Field(0, alias="outgoing_messages_count")
    resolutions: Count = Field(0, alias="resolutions_count")
    first_response: Seconds = Field(None, alias="avg_first_response_time")
    resolution: Seconds = Field(None, alias="avg_resolution_time")
    previous: "ReportSummary | None" = None
    """The same for the time of equal length before."""


def conversation_page(answer: Any) -> ConversationPage:
    data = answer["data"]
    found = tuple(Conversation.model_validate(each) for each in data["payload"])
    return ConversationPage(found, Counts.model_validate(data["meta"]))


def contact_page(answer: Any) -> ContactPage:
    found = tuple(Contact.model_validate(each) for each in answer["payload"])
    return ContactPage(found, int((answer.get("meta") or {}).get("count", len(found))))
