"""TikTok: photo posts (developers.tiktok.com, Content Posting API, media transfer guide)."""

from social.networks.rules import JPEG, WEBP, Network, Pictures

RULES = Network(
    text=2_200,
    daily=(15, 20, 25),
    kinds=("photo", "carousel"),
    pictures=Pictures(most=35, needed=True, formats=(JPEG, WEBP)),
)
