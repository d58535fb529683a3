"""From posts in our words to Publer's bulk envelope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

Kind = Literal["status", "photo", "video", "link", "gif", "carousel", "story", "reel", "document", "short"]

_CONTRACT_MEDIA_TYPES: Final = {"photo": "image"}
"""The prose of Publer's documents says `photo`, its schema `image`; the schema is kept to."""
_LINK_IN_URL: Final = frozenset({"google"})
"""Networks whose link is a field of its own beside the text, of whatever kind the post is."""
_LINK_WITH_PHOTO: Final = frozenset({"pinterest"})
_COMMENT_IN_CONTENT: Final = frozenset({"instagram"})
"""Networks whose first comment is a field of the content; the others have theirs at the account."""


@dataclass(frozen=True)
class MediaItem:
    """A file that Publer already has. `type` is photo, video, gif or document."""

    id: str
    path: str
    type: str
    alt_text: str = ""


@dataclass(frozen=True)
class Entry:
    """One post on one account. `scheduled_at` None means now; else it carries an offset. `comment` is what
    Publer writes below it, once it is out."""

    account_id: str
    network: str
    kind: Kind
    text: str
    link: str = ""
    title: str = ""
    comment: str = ""
    media: tuple[MediaItem, ...] = ()
    scheduled_at: datetime | None = None


@dataclass(frozen=True)
class BulkPost:
    """Entries that say the same on each network they share; no account twice."""

    entries: tuple[Entry, ...]


def envelope(posts: Sequence[BulkPost]) -> dict[str, Any]:
    """The body of `posts/schedule` and `posts/schedule/publish`. Raises ValueError for what cannot be said in
    it."""
    return {"bulk": {"state": "scheduled", "posts": [_post(post.entries) for post in posts]}}


def words(entry: Entry) -> str:
    """The text as it is sent: a post with media has no link of its own, so there the link ends the text."""
    has_field = entry.kind == "link" or entry.network in _LINK_IN_URL | _LINK_WITH_PHOTO
    if not entry.link or has_field or entry.link in entry.text:
        return entry.text
    return f"{entry.text}\n\n{entry.link}" if entry.text else entry.link


def _post(entries: Sequence[Entry]) -> dict[str, Any]:
    networks: dict[str, dict[str, Any]] = {}
    for entry in entries:
        content = _content(entry)
        if networks.setdefault(entry.network, content) != content:
            raise ValueError(f"One post cannot say two things on {entry.network}.")
    accounts = [_account(entry) for entry in entries]
    if len({account["id"] for account in accounts}) < len(accounts):
        raise ValueError("One post cannot stand on an account twice.")
    return {"networks": networks, "accounts": accounts}


def _content(entry: Entry) -> dict[str, Any]:
    # Text belongs inside `networks`; Publer ignores one that stands beside it.
    content: dict[str, Any] = {"type": entry.kind, "text": words(entry)}
    if entry.network == "youtube":  # has no text field: its words are the description
        content["description"] = content.pop("text")
    if entry.title:
        content["title"] = entry.title
    if entry.link and entry.network in _LINK_IN_URL:
        content |= {"type": "status", "url": entry.link} if entry.kind == "link" else {"url": entry.link}
    elif entry.link and (entry.kind == "link" or entry.network in _LINK_WITH_PHOTO):
        content["link"] = {"url": entry.link}
    if entry.comment and entry.network in _COMMENT_IN_CONTENT:
        content["firstComment"] = entry.comment
    if entry.media:
        content["media"] = [_media(item) for item in entry.media]
    return content


def _media(item: MediaItem) -> dict[str, str]:
    media = {"id": item.id, "path": item.path, "type": _CONTRACT_MEDIA_TYPES.get(item.type, item.type)}
    return media | {"alt_text": item.alt_text} if item.alt_text else media


def _account(entry: Entry) -> dict[str, Any]:
    account: dict[str, Any] = {"id": entry.account_id}
    if entry.comment and entry.network not in _COMMENT_IN_CONTENT:
        account["comments"] = [{"text": entry.comment}]
    if entry.scheduled_at is None:
        return account
    if entry.scheduled_at.tzinfo is None:
        raise ValueError("A time without an offset means another moment at the provider.")
    return account | {"scheduled_at": entry.scheduled_at.isoformat(timespec="seconds")}
