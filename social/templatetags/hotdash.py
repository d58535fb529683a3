"""The small parts that every screen is made of: status pills, network marks, people, moments and spans."""

from datetime import datetime
from typing import Any

from django import template
from django.contrib.auth.models import AbstractBaseUser
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from social import explain, wall_clock
from social.models import ApiToken
from social.models.channel import NETWORK_NAMES

register = template.Library()

PILLS = {
    # status or label       tone     glyph        word
    "draft": ("grey", "draft", "Draft"),
    "pending": ("amber", "waiting", "Waiting for approval"),
    "approved": ("teal", "approved", "Approved"),
    "scheduled": ("blue", "scheduled", "Scheduled"),
    "published": ("green", "published", "Published"),
    "partly_published": ("olive", "partly", "Partly published"),
    "rejected": ("rose", "rejected", "Rejected"),
    "failed": ("red", "failed", "Failed"),
    "cancelled": ("grey", "cancelled", "Cancelled"),
    "queued": ("grey", "waiting", "Queued"),
    "sending": ("blue", "scheduled", "Being sent"),
    "accepted": ("blue", "scheduled", "Publer is working on it"),
    "unconfirmed": ("plum", "unsure", "Not confirmed"),
    "not_confirmed": ("plum", "unsure", "Not confirmed"),
    "expired": ("amber", "expired", "Expired"),
    "changes_asked": ("rose", "rejected", "Changes asked"),
    "trying_again": ("amber", "waiting", "Trying again"),
    "late": ("amber", "expired", "Late"),
    "connected": ("green", "published", "Connected"),
    "paused": ("amber", "pause", "Paused"),
    "off": ("grey", "cancelled", "Off"),
}
MARKS = {"twitter": "x", "wordpress_oauth": "wordpress", "wordpress_basic": "wordpress"}
DRAWN = {
    *("instagram", "facebook", "x", "linkedin", "threads", "bluesky", "mastodon"),
    *("shopify", "chatwoot", "publer"),
}
FACES = 6
"""How many grounds a person's initials can stand on."""


def _use(symbol: str) -> str:
    return f"{static('hotdash/sprite.svg')}#{symbol}"


@register.simple_tag
def icon(symbol: str, classes: str = "hd-ic") -> SafeString:
    """A drawing of the sprite that says nothing a reader would miss: `s-warn`, `u-globe` …"""
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', classes, _use(symbol))


@register.simple_tag
def pill(status: Any, words: str = "") -> SafeString:
    """Glyph and word of a post's or delivery's status, or of a label beside it ("Not confirmed").

    `words` stands instead of the status's own word.
    """
    tone, glyph, word = _pill_of(status)
    return format_html(
        '<span class="hd-pill hd-{}">{}{}</span>', tone, icon(f"s-{glyph}", "hd-gl"), words or word
    )


@register.filter
def tone(status: Any) -> str:
    """The class that lends a status's or label's colours: "hd-amber"."""
    return f"hd-{_pill_of(status)[0]}"


@register.filter
def glyph(status: Any) -> SafeString:
    """The drawing of a status or label, for where its word stands elsewhere."""
    return icon(f"s-{_pill_of(status)[1]}", "hd-gl")


@register.filter
def pill_word(status: Any) -> str:
    """The word of a status or label."""
    return _pill_of(status)[2]


def _pill_of(status: Any) -> tuple[str, str, str]:
    return PILLS.get(str(status).lower().replace(" ", "_"), ("grey", "draft", str(status)))


@register.simple_tag
def mark(network: str, classes: str = "") -> SafeString:
    """A network's or provider's mark, named for those who cannot see it; `hd-s` is 11 px, `hd-lg` 18 px."""
    drawn = MARKS.get(network, network)
    return format_html(
        '<svg class="hd-mark {}" role="img" aria-label="{}"><use href="{}"/></svg>',
        classes,
        NETWORK_NAMES.get(network, network.replace("_", " ").title()),
        _use(f"n-{drawn if drawn in DRAWN else 'other'}"),
    )


@register.simple_tag
def avatar(who: Any, program: bool = False) -> SafeString:
    """Initials of a person (round) or a program (square, with a ring): a user, a token, or a name.

    Where only a name is known, `program` says what it is; its name stands beside it, so it is not read out.
    """
    name = _name(who)
    square = program or isinstance(who, ApiToken)
    words = name.replace("-", " ").replace("_", " ").split()
    initials = "".join(word[0] for word in words[:2]) or "?"
    if square:
        return format_html('<span class="hd-face hd-program" aria-hidden="true">{}</span>', initials.lower())
    ground = sum(name.encode()) % FACES
    return format_html('<span class="hd-face hd-f{}" aria-hidden="true">{}</span>', ground, initials.upper())


@register.filter
def name(who: Any) -> str:
    """How the screens call a user or a token."""
    return _name(who)


def _name(who: Any) -> str:
    if isinstance(who, AbstractBaseUser):
        return str(getattr(who, "get_full_name", str)() or who.get_username())
    return str(who or "")


@register.filter
def moment(at: datetime | None) -> str:
    """A moment in the reader's zone, as `social.explain` says it: "14:05", "tomorrow 09:00"."""
    return explain.moment(at) if at else ""


@register.filter
def shops(at: datetime | None) -> str:
    """What the shop's clock shows at this moment, where that differs from the reader's: "09:00 Berlin"."""
    return wall_clock.beside(at) if at else ""


@register.simple_tag
def zones() -> str:
    """By which clock times are read and written, and by how much the shop's differs now."""
    own = timezone.get_current_timezone_name().rsplit("/", 1)[-1].replace("_", " ")
    theirs = wall_clock.beside(timezone.now())
    more = f"; at {moment(timezone.now())} it is {theirs}." if theirs else "."
    return f"By the clock in {own}{more}"


@register.filter
def words(text: str) -> list[str]:
    """A line's words, one after the other."""
    return text.split()


@register.filter
def span(seconds: float | None) -> str:
    """A span of time in seconds, as people say it: "40 s", "18 min"."""
    return explain.span(float(seconds)) if seconds is not None else ""


@register.filter
def away(at: datetime | None) -> str:
    """How far a moment is from now: "in 25 min", "18 min ago"."""
    if at is None:
        return ""
    seconds = (at - timezone.now()).total_seconds()
    return f"in {explain.span(seconds)}" if seconds > 0 else f"{explain.span(-seconds)} ago"


@register.filter
def network_name(network: str) -> str:
    """A network as people call it."""
    return NETWORK_NAMES.get(network, network.replace("_", " ").title())
