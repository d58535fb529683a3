"""X: it weighs what is written (docs.x.com, Counting characters)."""

from social.networks.counting import weighted
from social.networks.rules import GIF, JPEG, MB, PNG, WEBP, Network, Pictures

RULES = Network(
    text=280,
    daily=(25, 50, 100),
    count=weighted,
    kinds=("status", "link", "photo", "gif"),
    pictures=Pictures(most=4, formats=(JPEG, PNG, WEBP, GIF), size=5 * MB, alt_text=1_000),
    link_in_text=True,
    note="A link counts as 23.",
)
