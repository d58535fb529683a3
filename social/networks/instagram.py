"""Instagram: nothing without a picture, and only shapes that its feed shows
(developers.facebook.com, Instagram Platform, Content Publishing)."""

from social.networks.rules import JPEG, MB, PNG, Network, Pictures

RULES = Network(
    text=2_200,
    daily=(15, 20, 25),
    kinds=("photo", "carousel"),
    pictures=Pictures(
        most=10,
        needed=True,
        formats=(JPEG, PNG),
        size=8 * MB,
        least=(320, 320),
        shapes=(4 / 5, 1.91),
        alt_text=1_000,
    ),
    hashtags=30,
    mentions=20,
    fold=125,
    comment=2_200,
    note="A link cannot be followed in a caption.",
)
