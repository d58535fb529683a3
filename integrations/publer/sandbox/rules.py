"""What Publer and the networks refuse, as its documents say; in force once a job is worked on."""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import regex

PLANS = ("free", "professional", "business")
GAP_MESSAGE = "There's another post at this time. A one minute gap is required between posts"

_TEXT_LIMITS = {
    "facebook": 63_206,
    "instagram": 2_200,
    "twitter": 280,
    "linkedin": 3_000,
    "threads": 500,
    "bluesky": 300,
    "mastodon": 500,
    "telegram": 4_096,
    "google": 1_500,
    "pinterest": 500,
    "tiktok": 2_200,
    "youtube": 5_000,
}
_DAILY_LIMITS = {
    "facebook": (12, 24, 36),
    "instagram": (15, 20, 25),
    "twitter": (25, 50, 100),
    "linkedin": (12, 18, 24),
    "threads": (150, 200, 250),
    "bluesky": (25, 50, 100),
    "mastodon": (25, 50, 100),
    "telegram": (5, 10, 15),
    "google": (5, 10, 15),
    "pinterest": (12, 24, 36),
    "tiktok": (15, 20, 25),
    "youtube": (5, 10, 15),
    "wordpress": (12, 18, 24),
}
_LINKEDIN_PROFILE = (10, 12, 14)
_MEDIA_REQUIRED = {"instagram", "pinterest", "tiktok", "youtube"}
_TYPES = {
    "facebook": "status photo video link carousel story reel gif",
    "instagram": "photo video carousel story reel",
    "twitter": "status photo video link gif poll",
    "linkedin": "status photo video link document poll gif",
    "threads": "status photo video link",
    "bluesky": "status photo video link",
    "mastodon": "status photo video link gif poll",
    "telegram": "status photo video link gif",
}
_URL = regex.compile(r"https?://\S+")
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Variation_Selector}]")


@dataclass(frozen=True, slots=True)
class Account:
    """A connected profile. `name` is what Publer lists."""

    id: str
    provider: str
    name: str
    type: str


def _account(provider: str, name: str, type: str) -> Account:
    return Account(hashlib.sha256(f"{provider}:{name}".encode()).hexdigest()[:24], provider, name, type)


def shop_accounts(further: int = 0) -> list[Account]:
    """The accounts of the demo shop, then so many made-up ones; the ids are the same at every start."""
    accounts = [
        _account("instagram", "@kilnandlinen", "business"),
        _account("facebook", "Kiln & Linen", "page"),
        _account("twitter", "@kilnandlinen", "profile"),
        _account("linkedin", "Kiln & Linen", "page"),
        _account("threads", "@kilnandlinen", "profile"),
        _account("bluesky", "@kilnandlinen.bsky.social", "profile"),
        _account("mastodon", "@kilnandlinen@mastodon.example", "profile"),
    ]
    providers = ("twitter", "threads", "bluesky", "mastodon")
    return accounts + [
        _account(providers[n % 4], f"@kiln-branch-{n + 1:04}", "profile") for n in range(further)
    ]


def length(provider: str, text: str) -> int:
    """How long a network finds a text: X weighs signs, Bluesky counts graphemes, two shorten URLs."""
    if provider in ("twitter", "mastodon"):
        text = _URL.sub("x" * 23, text)
    if provider == "twitter":
        return sum(_weight(cluster) for cluster in regex.findall(r"\X", unicodedata.normalize("NFC", text)))
    if provider == "bluesky":
        return len(regex.findall(r"\X", text))
    return len(text)


def _weight(cluster: str) -> int:
    if regex.search(r"\p{Extended_Pictographic}", cluster) and ord(cluster[0]) > 0x2100:
        return 2
    light = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
    return sum(1 if any(low <= ord(sign) <= high for low, high in light) else 2 for sign in cluster)


def content_refusal(provider: str, content: dict[str, Any] | None, known_media: set[str]) -> str | None:
    """Why this content cannot go to this network, in Publer's manner, or None."""
    if content is None:
        return f"No content was given for {provider}"
    kind, text, media = content.get("type", ""), content.get("text") or "", content.get("media") or []
    if provider in _TYPES and kind not in _TYPES[provider].split():
        return f"Post type '{kind}' is not supported by {provider}"
    limit = _TEXT_LIMITS.get(provider)
    if limit and length(provider, text) > limit:
        return f"Text is too long: {length(provider, text)} characters, the limit is {limit}"
    if provider == "instagram" and len(regex.findall(r"(?<!\w)#\w+", text)) > 30:
        return "Too many hashtags: the limit is 30"
    if not media and (
        provider in _MEDIA_REQUIRED or kind in ("photo", "video", "carousel", "story", "reel", "gif")
    ):
        return "Media can't be blank"
    if any(item.get("id") not in known_media for item in media):
        return "Media was not found"
    if not text.strip() and not media and not content.get("link") and not content.get("url"):
        return "Text can't be blank"
    return None


def daily_limit(account: Account, plan: str) -> int | None:
    """Posts in 24 hours that this account may make on a plan; None when there is no limit."""
    limits = _LINKEDIN_PROFILE if (account.provider, account.type) == ("linkedin", "profile") else None
    limits = limits or _DAILY_LIMITS.get(account.provider)
    return limits[PLANS.index(plan)] if limits and plan in PLANS else None


def time_refusal(at: float, others: Iterable[float], gap: float, limit: int | None) -> str | None:
    """Why an account that posts at the `others` times cannot post at `at` too, or None.

    Half a second of grace, since two requests do not take equally long.
    """
    times = list(others)
    if any(abs(other - at) < gap - 0.5 for other in times):
        return GAP_MESSAGE
    if limit is not None and sum(at - 86_400 < other <= at for other in times) >= limit:
        return f"You have reached the daily limit of {limit} posts for this account. Try again later"
    return None


def normal_form(text: str) -> str:
    """What two texts share when a reader would call them the same."""
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold().split())
