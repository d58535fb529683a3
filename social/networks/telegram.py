"""Telegram: less beside a picture than alone (core.telegram.org, Bot API, sendPhoto)."""

from social.networks.rules import GIF, JPEG, MB, PNG, WEBP, Network, Pictures

RULES = Network(
    text=4_096,
    daily=(5, 10, 15),
    kinds=("status", "link", "photo", "gif"),
    pictures=Pictures(most=10, formats=(JPEG, PNG, WEBP, GIF), size=10 * MB, shapes=(1 / 20, 20)),
    caption=1_024,
    note="Beside a picture 1,024 are taken.",
)
