"""The inbox of Kiln & Linen: who wrote, what was said, who looks after it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

ACCOUNT, INBOX = 1, 3
AGENTS = {1: "Ann Weber", 2: "Bob Lindqvist"}
ME = 2
"""Whose token it is."""
# fmt: off
_NAMES = (
    "Clara Neumann", "Idris Okafor", "Mette Sørensen", "Paul Girard", "Yuki Tanaka", "Lena Brandt",
    "Sam Whitlock", "Ines Duarte", "Jonas Keller", "Freya Lund", "Tom Adler", "Nora Haas",
    "Elif Demir", "Hugo Martin", "Anna Rossi", "Kai Becker", "Ida Holm", "Oskar Vogt", "Maya Singh",
    "Leo Fuchs", "Greta Wolf", "Emil Jansen", "Rosa Blum", "Finn Carter", "Zoe Marsh", "Ben Arnold",
    "Lucie Moreau", "Max Hübner", "Ella Stone", "Theo Lang", "Vera Novak", "Nils Berg",
)
# fmt: on
_QUESTIONS = (
    ("When is the Moss dinner set back?", ("moss",)),
    ("Is the tall vase still to be had?", ("vase",)),
    ("My parcel says delivered, but it is not here.", ("shipping", "urgent")),
    ("Can the blue mug go into the dishwasher?", ()),
    ("Do you ship to Norway?", ("shipping",)),
    ("One of the bowls came with a crack.", ("return",)),
    ("How many people fit into the candle evening?", ()),
)
_ANSWERS = ("Thank you for writing! We look into it today.", "It is on the shelf again, with our regards.")


@dataclass
class Message:
    id: int
    content: str
    kind: int
    at: int
    private: bool = False
    agent: int | None = None


@dataclass
class Conversation:
    """`contact` counts from 0."""

    id: int
    contact: int
    status: str = "open"
    assignee: int | None = None
    labels: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @property
    def last_at(self) -> int:
        return self.messages[-1].at

    @property
    def waiting_since(self) -> int:
        """0 where the last word is an agent's."""
        return self.messages[-1].at if self.messages[-1].kind == 0 else 0


class Inbox:
    """`now` is unix seconds: the newest word was said a few minutes before."""

    def __init__(self, now: float) -> None:
        self._next_message = 5000
        self.conversations: dict[int, Conversation] = {}
        for contact in range(len(_NAMES)):
            self._begin(contact, int(now) - 300 - contact * 4100)

    def _begin(self, contact: int, at: int) -> None:
        question, labels = _QUESTIONS[contact % len(_QUESTIONS)]
        status = "resolved" if contact % 9 == 8 else "pending" if contact == 6 else "open"
        found = Conversation(40 + len(_NAMES) - contact, contact, status, labels=list(labels))
        found.assignee = None if contact % 3 == 0 else 1 + contact % 2
        self.conversations[found.id] = found
        if found.assignee and contact > 2:
            self.say(found, "Hello?", at - 1800, kind=0)
            self.say(found, _ANSWERS[contact % 2], at - 900, agent=found.assignee)
        self.say(found, question, at, kind=0)
        if status == "resolved":
            self.say(found, _ANSWERS[1], at + 60, agent=found.assignee or 1)

    def say(
        self,
        conversation: Conversation,
        content: str,
        at: float,
        *,
        kind: int = 1,
        private: bool = False,
        agent: int | None = None,
    ) -> Message:
        self._next_message += 1
        message = Message(self._next_message, content, kind, int(at), private, agent)
        conversation.messages.append(message)
        return message

    def found(self, status: str, words: str = "") -> list[Conversation]:
        """Those of a status (`all`: any), the most recently active first."""
        found = [
            conversation
            for conversation in self.conversations.values()
            if status in ("all", conversation.status)
            and any(words.lower() in message.content.lower() for message in conversation.messages)
        ]
        return sorted(found, key=lambda conversation: -conversation.last_at)

    def counts(self, found: Iterable[Conversation]) -> dict[str, int]:
        assignees = [conversation.assignee for conversation in found]
        return {
            "mine_count": assignees.count(ME),
            "unassigned_count": assignees.count(None),
            "assigned_count": len(assignees) - assignees.count(None),
            "all_count": len(assignees),
        }

    def contacts(self, words: str) -> list[dict[str, Any]]:
        every = (contact(number) for number in range(len(_NAMES)))
        return [each for each in every if words.lower() in f"{each['name']} {each['email']}".lower()]

    def summary(self, since: float, until: float) -> dict[str, Any]:
        """What happened in a time. Chatwoot writes averages as texts, and nothing to measure as 0."""
        said = [
            message
            for conversation in self.conversations.values()
            for message in conversation.messages
            if since <= message.at < until
        ]
        begun = [each for each in self.conversations.values() if since <= each.messages[0].at < until]
        return {
            "conversations_count": len(begun),
            "incoming_messages_count": sum(message.kind == 0 for message in said),
            "outgoing_messages_count": sum(message.kind == 1 for message in said),
            "resolutions_count": sum(each.status == "resolved" for each in begun),
            "avg_first_response_time": "900.0" if begun else "0",
            "avg_resolution_time": "1860.0" if begun else "0",
        }


def contact(number: int) -> dict[str, Any]:
    name = _NAMES[number]
    address = name.lower().replace(" ", ".").encode("ascii", "ignore").decode()
    return {
        "id": 700 + number,
        "name": name,
        "email": f"{address}@mail.example",
        "phone_number": None,
        "identifier": None,
        "blocked": False,
        "thumbnail": "",
        "availability_status": "offline",
        "additional_attributes": {},
        "custom_attributes": {},
    }


def user(number: int) -> dict[str, Any]:
    first = AGENTS[number].split()[0].lower()
    return {
        "id": number,
        "name": AGENTS[number],
        "email": f"{first}@kilnandlinen.example",
        "available_name": AGENTS[number],
        "role": "agent",
        "confirmed": True,
        "type": "user",
    }


def message(said: Message, conversation: Conversation) -> dict[str, Any]:
    by_agent = said.agent is not None
    return {
        "id": said.id,
        "content": said.content,
        "account_id": ACCOUNT,
        "inbox_id": INBOX,
        "conversation_id": conversation.id,
        "message_type": said.kind,
        "created_at": said.at,
        "updated_at": said.at,
        "private": said.private,
        "status": "sent",
        "source_id": None,
        "content_type": "text",
        "content_attributes": {},
        "sender_type": "User" if by_agent else "Contact",
        "sender_id": said.agent if by_agent else 700 + conversation.contact,
        "sender": user(said.agent) if said.agent else contact(conversation.contact),
    }


def conversation(found: Conversation) -> dict[str, Any]:
    last = found.messages[-1]
    written = message(last, found)
    meta = {"sender": contact(found.contact), "channel": "Channel::WebWidget", "hmac_verified": False}
    return {
        "id": found.id,
        "account_id": ACCOUNT,
        "inbox_id": INBOX,
        "status": found.status,
        "labels": found.labels,
        "can_reply": True,
        "muted": False,
        "snoozed_until": None,
        "priority": "urgent" if "urgent" in found.labels else None,
        "unread_count": int(last.kind == 0),
        "created_at": found.messages[0].at,
        "timestamp": last.at,
        "last_activity_at": last.at,
        "waiting_since": found.waiting_since,
        "additional_attributes": {},
        "custom_attributes": {},
        "messages": [written],
        "last_non_activity_message": written,
        "meta": meta | ({"assignee": user(found.assignee)} if found.assignee else {}),
    }
