"""LinkedIn: pages and profiles."""

from social.networks.rules import GIF, JPEG, PNG, Network, Pictures

RULES = Network(
    text=3_000,
    daily=(10, 12, 14),
    kinds=("status", "link", "photo", "gif"),
    pictures=Pictures(most=20, formats=(JPEG, PNG, GIF)),
    fold=210,
    comment=1_250,
)
PAGE_DAILY = (12, 18, 24)
