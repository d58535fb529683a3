"""Bluesky: graphemes, and bytes beside them (its lexicon: app.bsky.feed.post, app.bsky.embed.images)."""

from social.networks.counting import graphemes
from social.networks.rules import JPEG, MB, PNG, WEBP, Network, Pictures

RULES = Network(
    text=300,
    daily=(25, 50, 100),
    count=graphemes,
    pictures=Pictures(most=4, formats=(JPEG, PNG, WEBP), size=1 * MB),
    bytes=3_000,
)
