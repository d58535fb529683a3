"""Pinterest: pins, each with a picture."""

from social.networks.rules import JPEG, PNG, WEBP, Network, Pictures

RULES = Network(
    text=500,
    daily=(12, 24, 36),
    kinds=("photo", "carousel"),
    pictures=Pictures(most=5, needed=True, formats=(JPEG, PNG, WEBP), alt_text=500),
)
