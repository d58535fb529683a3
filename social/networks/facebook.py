"""Facebook: pages and groups."""

from social.networks.rules import GIF, JPEG, PNG, WEBP, Network, Pictures

RULES = Network(
    text=63_206,
    daily=(12, 24, 36),
    kinds=("status", "link", "photo", "gif"),
    pictures=Pictures(most=10, formats=(JPEG, PNG, WEBP, GIF)),
    fold=477,
    comment=8_000,
)
