"""A post as one network shows it: what is read at once, what falls behind "more", what is too much.

`social/post_preview.html` draws a `Preview`: `{% include "social/post_preview.html" %}`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from social.models.channel import NETWORK_NAMES, Channel
from social.models.revision import Revision
from social.networks import counting
from social.networks.checking import Said, said
from social.networks.limits import network
from social.networks.rules import Network

LOOKS = ("instagram", "facebook", "twitter", "linkedin", "threads", "bluesky", "mastodon")
_NO_CARD = ("instagram", "pinterest", "tiktok", "youtube", "google")
SHOWN = 4
"""Of more pictures than that, a preview shows the first ones and how many there are."""


@dataclass(frozen=True)
class Piece:
    """Words of one kind: a link or tag as the network colours it, or what is over its limit."""

    kind: Literal["", "link", "over"]
    text: str


@dataclass(frozen=True)
class Shot:
    """A picture by its SHA-256, with its alternative text."""

    sha256: str
    alt_text: str


@dataclass(frozen=True)
class Card:
    """What a network makes of a link."""

    link: str
    domain: str
    title: str


@dataclass(frozen=True)
class Preview:
    """One network's view of a post. `length` and `limit` are by the network's own count."""

    network: str
    text: str
    length: int
    limit: int
    head: tuple[Piece, ...] = ()
    folded: str = ""
    pictures: tuple[Shot, ...] = ()
    card: Card | None = None
    comment: str = ""
    account: str = ""
    when: str = "now"
    note: str = ""
    note_warns: bool = False

    @property
    def look(self) -> str:
        """The template that draws it."""
        return f"social/previews/{self.network if self.network in LOOKS else 'other'}.html"

    @property
    def name(self) -> str:
        """The network as people call it."""
        return NETWORK_NAMES.get(self.network, self.network)

    @property
    def over(self) -> int:
        """By how much it is too long; 0 where it is not."""
        return max(self.length - self.limit, 0)

    @property
    def counter(self) -> str:
        """How long it is, in words."""
        if self.over:
            return f"{self.length:,} of {self.limit:,}, {self.over:,} over"
        return f"{self.length:,} of {self.limit:,}" if self.limit < 50_000 else f"{self.length:,} characters"

    @property
    def shots(self) -> tuple[Shot, ...]:
        """The pictures that are drawn."""
        return self.pictures[:SHOWN]

    @property
    def more_shots(self) -> int:
        """How many pictures are not drawn."""
        return max(len(self.pictures) - SHOWN, 0)

    @property
    def initials_of(self) -> str:
        """Whose initials stand for the account's picture."""
        return self.account.lstrip("@") or self.name


def previews_of(revision: Revision, *, when: str = "now") -> list[Preview]:
    """One a network, in the order of its channels. Reads no more than `channels` and `revision_media`."""
    return previews(
        revision.addressed(),
        text=revision.text,
        link=revision.link,
        overrides=revision.overrides,
        pictures=[(item.media_id, item.alt_text) for item in revision.pictures()],
        when=when,
    )


def previews(channels: Iterable[Channel], **content: Any) -> list[Preview]:
    """One a network, in the order of the channels, as the first account of each; `content` as `preview` takes
    it."""
    firsts: dict[str, Channel] = {}
    for channel in channels:
        firsts.setdefault(channel.network, channel)
    return [preview(key, account=channel.name, **content) for key, channel in firsts.items()]


def preview(
    key: str,
    *,
    text: str,
    link: str = "",
    overrides: Mapping[str, Any] | None = None,
    pictures: Sequence[tuple[str, str]] = (),
    account: str = "",
    when: str = "now",
    title: str = "",
) -> Preview:
    """How a network shows this content. `pictures` are pairs of SHA-256 and alternative text; `title` is that
    of the page behind the link, where it is known."""
    rules, one = network(key), said(key, text, link, overrides or {})
    with_pictures = bool(pictures)
    words = one.counted(with_pictures=with_pictures)
    limit = rules.limit(with_pictures=with_pictures)
    card = _card(one, title) if not with_pictures and key not in _NO_CARD else None
    shown = one.text if card else words
    fits = counting.fitting(rules.count.__name__, shown, limit)
    head, folded = _fold(shown, rules.fold)
    note, warns = _note(key, rules, one, folded, with_pictures=with_pictures)
    return Preview(
        network=key,
        text=one.text,
        length=rules.count(words),
        limit=limit,
        head=tuple(_pieces(head, fits)),
        folded=folded,
        pictures=tuple(Shot(*picture) for picture in pictures),
        card=card,
        comment=one.comment,
        account=account,
        when=when,
        note=note,
        note_warns=warns,
    )


def _fold(text: str, most: int | None) -> tuple[str, str]:
    """What is read at once, to the end of a word, and what falls behind "more"."""
    if most is None or len(text) <= most:
        return text, ""
    cut = max(text.rfind(" ", 0, most), text.rfind("\n", 0, most))
    cut = cut if cut > most // 2 else most
    return text[:cut], text[cut:]


def _pieces(text: str, fits: int) -> Iterator[Piece]:
    for kind, start, end in _coloured(text):
        if end <= fits:
            yield Piece(kind, text[start:end])
        elif start >= fits:
            yield Piece("over", text[start:end])
        else:
            yield Piece(kind, text[start:fits])
            yield Piece("over", text[fits:end])


def _coloured(text: str) -> Iterator[tuple[Literal["", "link"], int, int]]:
    at = 0
    for start, end in _marked(text):
        if start > at:
            yield "", at, start
        yield "link", start, end
        at = end
    if at < len(text):
        yield "", at, len(text)


def _marked(text: str) -> Iterable[tuple[int, int]]:
    """Links, hashtags and mentions."""
    links = counting.links(text, bare=True)
    tags = [
        (start, end)
        for start, end in counting.tags(text)
        if not any(first <= start < last for first, last in links)
    ]
    return sorted(links + tags)


def _card(one: Said, title: str) -> Card | None:
    if not one.link:
        return None
    address = urlsplit(one.link)
    domain = (address.hostname or "").removeprefix("www.")
    return Card(one.link, domain, title or _spoken(address.path) or domain)


def _spoken(path: str) -> str:
    """What a path says of its page: /products/nesting-bowls is "Nesting bowls"."""
    last = path.rstrip("/").rpartition("/")[2].rpartition(".")
    words = (last[0] or last[2]).replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _note(key: str, rules: Network, one: Said, folded: str, *, with_pictures: bool) -> tuple[str, bool]:
    """What a person should see before it is out, and whether it is a warning."""
    if folded.strip():
        words = " ".join(folded.split()[:4])
        return f"“{words}…” falls behind “more”", True
    if one.link and key in ("instagram", "tiktok"):
        return f"A link cannot be followed on {NETWORK_NAMES[key]}", True
    if one.link and with_pictures and key not in _NO_CARD:
        return f"With pictures, {NETWORK_NAMES.get(key, key)} shows the link as text, not as a card", False
    return "", False
