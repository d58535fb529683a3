"""Mastodon, with the limits that a server has unless it says otherwise."""

from social.networks.counting import links_as_23
from social.networks.rules import GIF, JPEG, MB, PNG, WEBP, Network, Pictures

RULES = Network(
    text=500,
    daily=(25, 50, 100),
    count=links_as_23,
    kinds=("status", "link", "photo", "gif"),
    pictures=Pictures(most=4, formats=(JPEG, PNG, WEBP, GIF), size=16 * MB, gif_size=16 * MB),
    link_in_text=True,
    note="A link counts as 23.",
)
