"""Google Business: one picture (support.google.com, Business Profile, photo guidelines)."""

from social.networks.rules import JPEG, MB, PNG, Network, Pictures

RULES = Network(
    text=1_500,
    daily=(5, 10, 15),
    pictures=Pictures(most=1, formats=(JPEG, PNG), size=5 * MB, least=(250, 250)),
)
