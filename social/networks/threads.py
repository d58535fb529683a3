"""Threads (developers.facebook.com, Threads Posts)."""

from social.networks.counting import emoji_as_bytes
from social.networks.rules import JPEG, MB, PNG, Network, Pictures

RULES = Network(
    text=500,
    daily=(150, 200, 250),
    count=emoji_as_bytes,
    pictures=Pictures(most=20, formats=(JPEG, PNG), size=8 * MB, shapes=(0.01, 10), alt_text=1_000),
    links=5,
    note="An emoji counts as its bytes.",
)
