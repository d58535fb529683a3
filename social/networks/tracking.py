"""Links that tell where a visit came from: UTM parameters, the network's name as their source."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.utils.text import slugify

_SOURCES = {"twitter": "x"}
MEDIUM = "social"


def tracked(link: str, network: str, campaign: str) -> str:
    """The link with its source, medium and campaign; as it is, where it has such parameters already."""
    address = urlsplit(link)
    if not link or is_tracked(link):
        return link
    said = urlencode(
        {"utm_source": _SOURCES.get(network, network), "utm_medium": MEDIUM, "utm_campaign": campaign}
    )
    query = f"{address.query}&{said}" if address.query else said
    return urlunsplit(address._replace(query=query))


def is_tracked(link: str) -> bool:
    """Whether it names a source or campaign."""
    return any(name.startswith("utm_") for name, _ in parse_qsl(urlsplit(link).query, keep_blank_values=True))


def campaign_in(link: str) -> str:
    """The campaign that a link names, or ""."""
    return dict(parse_qsl(urlsplit(link).query)).get("utm_campaign", "")


def without(link: str) -> str:
    """The link without what tells where a visit came from."""
    address = urlsplit(link)
    parts = [part for part in address.query.split("&") if not part.startswith("utm_")]
    return urlunsplit(address._replace(query="&".join(parts)))


def campaign_of(title: str, link: str) -> str:
    """A campaign's name from the post's own, else from the page that it links."""
    page = urlsplit(link).path.rstrip("/").rpartition("/")[2]
    return slugify(title)[:60].strip("-") or slugify(page)[:60].strip("-") or "post"
