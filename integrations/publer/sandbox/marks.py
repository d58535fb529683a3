"""What the feed's templates can draw: marks from the sprite, and a post's words."""

import re
from datetime import UTC, datetime

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_SPECIAL = re.compile(r"(https?://\S+|(?<!\w)[#@]\w[\w.]*)")


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    return format_html(
        '<svg class="ic {}" aria-hidden="true"><use href="/sandbox/static/sprite.svg#{}"/></svg>',
        classes,
        name,
    )


@register.simple_tag
def avatar(classes: str) -> SafeString:
    return format_html('<img class="av {}" src="/sandbox/static/avatar.svg" alt="">', classes)


@register.filter
def words(text: str) -> SafeString:
    """A post's text, its addresses and tags in the network's colour. No links: nothing here is real."""
    parts = enumerate(_SPECIAL.split(text))
    drawn = (format_html('<span class="u">{}</span>', part) if place % 2 else part for place, part in parts)
    return format_html_join("", "{}", ((part,) for part in drawn))


@register.filter
def moment(at: float, kind: str) -> SafeString:
    """A time in UTC; the page's script writes it in the reader's own zone. `kind`: clock, short or ago."""
    when = datetime.fromtimestamp(at, UTC)
    shown = _ago(at) if kind == "ago" else f"{when:%d %b %H:%M} UTC"
    return format_html(
        '<time class="{}" datetime="{}">{}</time>', kind, when.isoformat(timespec="seconds"), shown
    )


def _ago(at: float) -> str:
    seconds = max(0, int(datetime.now(UTC).timestamp() - at))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "now"
