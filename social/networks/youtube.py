"""YouTube: videos alone, which HotDash does not send."""

from social.networks.rules import Network, Pictures

RULES = Network(text=5_000, daily=(5, 10, 15), kinds=(), pictures=Pictures(needed=True))
