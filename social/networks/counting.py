"""How the networks count a text.

The tables and patterns here are the browser's, too: `TABLE` goes to it as JSON, and `counting.js` does with
it what this module does. Both are held to `tests/networks/vectors.json`. Each pattern is therefore written
so that it means the same to Python's `regex` and to JavaScript's RegExp with the flag `u`: no case is
ignored, since the two fold İ and K differently.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import normalize

import regex

LINK_LENGTH = 23
"""What X and Mastodon count for a link, however long it is."""

_ACCENTED = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253-\u0272\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
_LETTERS = r"\p{L}\p{M}\p{N}"
_IN_PATH = rf"[a-zA-Z0-9\u0400-\u04ff{_ACCENTED}!*';:=+,.$/%#\[\]\-\u2013_~@|&]"
_IN_BRACKETS = rf"\((?:{_IN_PATH}+|{_IN_PATH}*\({_IN_PATH}+\){_IN_PATH}*)\)"
_END_OF_PATH = rf"(?:[a-zA-Z0-9\u0400-\u04ff{_ACCENTED}+\-=_#/]|{_IN_BRACKETS})"
_PICTOGRAPH = r"(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})"
_DRESSED = r"(?:\ufe0f|\p{Emoji_Modifier})?"

PATTERNS = {
    # What may be a link: its host, and what follows. Whether it is one, its top-level domain says.
    "with_scheme": rf"(?<![a-zA-Z0-9@\uff20$#\uff03])[hH][tT][tT][pP][sS]?://([{_LETTERS}\p{{So}}\u200d\ufe0f][{_LETTERS}\p{{So}}\u200d\ufe0f._-]*)",
    "bare": (
        rf"(?<![a-zA-Z0-9@\uff20$#\uff03_./{_ACCENTED}-])"
        rf"([a-zA-Z0-9{_ACCENTED}][a-zA-Z0-9{_ACCENTED}-]*(?:\.[a-zA-Z0-9{_ACCENTED}-]+)+)"
    ),
    "after_host": (
        rf"(?::[0-9]+)?(?:/(?:{_IN_PATH}*(?:{_IN_BRACKETS}{_IN_PATH}*)*{_END_OF_PATH})?)?"
        r"(?:\?[a-zA-Z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-zA-Z0-9\-_&=#/])?"
    ),
    # One drawing: flags, keycaps, and people and things with skin, hair, tags or joiners.
    "emoji": (
        r"\p{Regional_Indicator}{2}|[0-9#*]\ufe0f?\u20e3"
        rf"|(?:\p{{Emoji_Modifier_Base}}|[👯🤼🧞🧟👁🏳🏴❤🐕🐈🐻😮😵😶]){_DRESSED}(?:\u200d{_PICTOGRAPH}{_DRESSED})+"
        rf"|{_PICTOGRAPH}{_DRESSED}"
        "(?:[\U000e0020-\U000e007e]+\U000e007f)?"
    ),
    "hashtag": rf"(?<![{_LETTERS}_&/])[#\uff03](?=[\p{{N}}_]*\p{{L}})[{_LETTERS}_]+",
    "mention": rf"(?<![{_LETTERS}_.@/])@[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?",
    "address": (
        rf"(?<![{_LETTERS}_=/@])(@[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9_])?)"
        rf"@[{_LETTERS}_](?:[{_LETTERS}_.-]*[{_LETTERS}_])?"
    ),
}
LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""X weighs these code points 1 and everything else 2 (twitter-text, configuration 3)."""

TLDS = frozenset((Path(__file__).parent / "tlds.txt").read_text(encoding="utf-8").split())
"""The top-level domains that make a bare `example.com` a link, as twitter-text lists them."""

TABLE: dict[str, Any] = {
    "patterns": PATTERNS,
    "light": LIGHT,
    "tlds": " ".join(sorted(TLDS)),
    "link_length": LINK_LENGTH,
}
"""What the browser counts by."""

_WITH_SCHEME, _BARE, _AFTER_HOST, _EMOJI, _HASHTAG, _MENTION, _ADDRESS = (
    regex.compile(pattern) for pattern in PATTERNS.values()
)
_GRAPHEME = regex.compile(r"\X")
_ASCII_LETTERS = regex.compile(r"[a-z]+")


# ------------------------------------------------------------------------------------------ what is in it
def links(text: str, *, bare: bool = False) -> list[tuple[int, int]]:
    """Where the links stand, as pairs of their first position and the one after their last.

    `bare`: those without `https://` count, too, as X has it.
    """
    found: list[tuple[int, int]] = []
    for pattern in (_WITH_SCHEME, _BARE) if bare else (_WITH_SCHEME,):
        found += _links_by(pattern, text, found)
    return sorted(found)


def _links_by(
    pattern: "regex.Pattern[str]", text: str, taken: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    ends = dict(taken)
    at = 0
    while match := pattern.search(text, at):
        over = next((end for start, end in ends.items() if start <= match.start() < end), None)
        if over is not None:
            at = over
            continue
        host = _host(match[1])
        if not host:
            at = max(match.start(1), match.start() + 1)
            continue
        end = match.start(1) + len(host)
        if len(host) == len(match[1]):
            end = _AFTER_HOST.match(text, end).end()
        yield match.start(), end
        at = end


def _host(labels: str) -> str:
    """As much of it as is a host: up to the last label that is a top-level domain, or begins with one that
    other letters follow."""
    parts = labels.split(".")
    for last in range(len(parts) - 1, 0, -1):
        label = parts[last].lower()
        if not parts[last - 1].strip("-_"):
            continue
        if label in TLDS or (label.startswith("xn--") and len(label) > 4):
            return ".".join(parts[: last + 1])
        beginning = _ASCII_LETTERS.match(label)
        if beginning and beginning[0] in TLDS and not label[beginning.end()].isascii():
            return ".".join([*parts[:last], beginning[0]])
    return ""


def hashtags(text: str) -> int:
    """The hashtags; what stands in a link is none."""
    return len(_HASHTAG.findall(_without_links(text)))


def mentions(text: str) -> int:
    """The people named with an @; an address for mail is none."""
    return len(_MENTION.findall(_without_links(text)))


def tags(text: str) -> list[tuple[int, int]]:
    """Where hashtags and mentions stand, as pairs of positions."""
    return sorted(match.span() for pattern in (_HASHTAG, _MENTION) for match in pattern.finditer(text))


def link_count(text: str) -> int:
    """The different links that begin with http."""
    return len({text[start:end] for start, end in links(text)})


def _without_links(text: str, bare: bool = False) -> str:
    return "".join(_around(text, links(text, bare=bare)))


def _around(text: str, found: list[tuple[int, int]]) -> Iterator[str]:
    at = 0
    for start, end in found:
        yield text[at:start]
        yield " "
        at = end
    yield text[at:]


# ------------------------------------------------------------------------------------------ how long it is
def characters(text: str) -> int:
    """Code points."""
    return len(text)


def graphemes(text: str) -> int:
    """As a reader counts: a family emoji is one."""
    return len(text) if text.isascii() and "\r" not in text else len(_GRAPHEME.findall(text))


def utf8(text: str) -> int:
    """Bytes."""
    return len(text.encode("utf-8", "surrogatepass"))


def weighted(text: str) -> int:
    """X's own count: a link, with or without https://, is 23, an emoji 2, most scripts beyond Latin 2 a
    character."""
    text = normalize("NFC", text)
    found = links(text, bare=True)
    total = LINK_LENGTH * len(found)
    pieces = _around(text, found)
    total -= len(found)  # the blank that stands for each
    for piece in pieces:
        if piece.isascii() and "\u20e3" not in piece:
            total += len(piece)
            continue
        drawings = _EMOJI.findall(piece)
        rest = _EMOJI.sub("", piece)
        total += 2 * len(drawings) + sum(_weight(ord(sign)) for sign in rest)
    return total


def _weight(code: int) -> int:
    return 1 if any(low <= code <= high for low, high in LIGHT) else 2


def links_as_23(text: str) -> int:
    """Mastodon's count: graphemes, a link being 23 of them; of somebody on another server only the name."""
    found = links(text)
    words = _ADDRESS.sub(r"\1", "".join(_around(text, found)))
    return graphemes(words) + (LINK_LENGTH - 1) * len(found)


def emoji_as_bytes(text: str) -> int:
    """Threads' count: code points, but an emoji as many as it has bytes in UTF-8
    (developers.facebook.com, Threads Posts, Limitations)."""
    drawings = _EMOJI.findall(text)
    return len(text) + sum(utf8(one) - len(one) for one in drawings)


Count = Callable[[str], int]
COUNTS: dict[str, Count] = {
    count.__name__: count for count in (characters, graphemes, utf8, weighted, links_as_23, emoji_as_bytes)
}
"""By the names that the browser knows them by."""


@lru_cache(maxsize=512)
def fitting(name: str, text: str, limit: int) -> int:
    """How many of the text's characters, from its beginning, a limit leaves room for; never within a
    grapheme. All of them where it is not too long."""
    count = COUNTS[name]
    if count(text) <= limit:
        return len(text)
    ends = [match.end() for match in _GRAPHEME.finditer(text)]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if count(text[: ends[middle - 1]]) <= limit:
            low = middle
        else:
            high = middle - 1
    return ends[low - 1] if low else 0
