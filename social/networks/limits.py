"""The networks by their keys, and how many posts a day each takes (per plan of Publer, day and account)."""

from social.networks import (
    bluesky,
    facebook,
    google,
    instagram,
    linkedin,
    mastodon,
    pinterest,
    telegram,
    threads,
    tiktok,
    twitter,
    youtube,
)
from social.networks.rules import GIF, JPEG, PNG, WEBP, Network, Pictures

NETWORKS: dict[str, Network] = {
    "facebook": facebook.RULES,
    "instagram": instagram.RULES,
    "twitter": twitter.RULES,
    "linkedin": linkedin.RULES,
    "threads": threads.RULES,
    "bluesky": bluesky.RULES,
    "mastodon": mastodon.RULES,
    "telegram": telegram.RULES,
    "google": google.RULES,
    "pinterest": pinterest.RULES,
    "tiktok": tiktok.RULES,
    "youtube": youtube.RULES,
}
_UNKNOWN = Network(
    100_000,
    (5, 10, 15),
    kinds=("status", "link", "photo", "gif", "carousel"),
    pictures=Pictures(most=100, formats=(JPEG, PNG, GIF, WEBP)),
)
_PLANS = ("free", "professional", "business")


def network(key: str) -> Network:
    """The rules of a network; of an unknown one, those that stop nothing."""
    return NETWORKS.get(key, _UNKNOWN)


def daily_limit(key: str, kind: str, plan: str) -> int | None:
    """Posts that one account may have in 24 hours, or None where the plan sets no limit."""
    if plan not in _PLANS:
        return None
    daily = linkedin.PAGE_DAILY if key == "linkedin" and kind == "page" else network(key).daily
    return daily[_PLANS.index(plan)]
