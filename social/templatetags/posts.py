"""How the screens of a post write hashes and links."""

from urllib.parse import urlsplit

from django import template

register = template.Library()


@register.filter
def short_hash(content_hash: str) -> str:
    """A content hash as people compare it: "7be0 41d2 c8a6"."""
    return " ".join(str(content_hash)[i : i + 4] for i in (0, 4, 8))


@register.filter
def bare_link(link: str) -> str:
    """A link without its scheme, cut where it gets long."""
    bare = str(link).split("://", 1)[-1].removeprefix("www.").rstrip("/")
    return bare if len(bare) <= 48 else bare[:47] + "…"


@register.filter
def http_only(link: str) -> str:
    """A link from outside that leads to a page, or "#" for one that would do something else."""
    return str(link) if urlsplit(str(link)).scheme in ("http", "https") else "#"
