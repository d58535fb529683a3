"""What the demo shop's people and its agent propose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal


@dataclass(frozen=True)
class Proposal:
    """One demo post. `day` counts from today and `at` is the shop's time; without them it goes out as soon as
    it is approved. `picture` names a file in `photos`."""

    title: str
    text: str
    networks: tuple[str, ...]
    picture: str
    alt_text: str
    by: Literal["agent", "ann"]
    state: Literal["draft", "pending", "rejected"] = "pending"
    day: int | None = None
    at: time = time(9)
    link: str = ""
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)


REASON = "Say how many are left, and drop the hashtags."
"""Why the rejected one was."""

PROPOSALS = (
    Proposal(
        "Moss dinner set is back",
        "The Moss dinner set is back. Four plates, four bowls, and one glaze that took us eleven test "
        "firings to get right.\n\nEach plate is €48, the set of eight €320. The first 40 orders leave "
        "the kiln room on Thursday.",
        ("instagram", "facebook", "twitter", "linkedin", "threads"),
        "moss",
        "A stack of moss green plates with a bowl and a mug on a wooden table",
        "agent",
        day=1,
        at=time(12),
        link="https://kilnandlinen.example/products/moss",
        overrides={
            "twitter": {
                "text": "The Moss dinner set is back. Four plates, four bowls, one glaze that took eleven "
                "test firings.\n\nPlates €48, the set €320. The first 40 orders leave on Thursday."
            },
            "threads": {
                "text": "Eleven test firings, one glaze. The Moss dinner set is back, and the first 40 "
                "orders leave the kiln room on Thursday."
            },
        },
        evidence={
            "Shop": "Restocked on Sunday after 51 days: 34 plates",
            "Conversations": "9 people asked when it comes back",
            "Instagram": "The last post on Moss sold it out in 2 days",
        },
    ),
    Proposal(
        "Advent candle evening",
        "Friday at six, bring a jumper. We light the kiln room with nothing but candles, the tea is on us, "
        "and every holder on the long table was thrown this week.",
        ("instagram", "facebook"),
        "candle",
        "Three lit candles in stoneware holders in a dark room",
        "ann",
    ),
    Proposal(
        "Stoneware vase, last pieces",
        "Seven left of the tall stoneware vase, and the clay for it is gone. Once it is sold, it is sold.",
        ("twitter", "bluesky"),
        "vase",
        "A tall cream stoneware vase with dry stems",
        "agent",
        link="https://kilnandlinen.example/products/tall-vase",
        evidence={"Shop": "7 left, none on order", "Conversations": "3 people asked for the tall one"},
    ),
    Proposal(
        "How the napkins are woven",
        "One loom, two people, forty napkins a day. The flax comes from Normandy, the blue stripe is the "
        "only thing we argue about.",
        ("linkedin", "mastodon"),
        "linen",
        "A stack of folded linen before a terracotta wall",
        "ann",
    ),
    Proposal(
        "Two mugs, one slow morning",
        "Rain on the window, nowhere to be. Two mugs that keep it warm until the second chapter.",
        ("threads",),
        "mugs",
        "A cream mug and a blue mug on a window sill",
        "agent",
        evidence={"Shop": "The pair was in every third basket last week"},
    ),
    Proposal(
        "Behind the kiln door",
        "1,240 degrees, eleven hours, and nobody opens the door. What comes out tomorrow is what we "
        "glazed on Monday.",
        ("twitter", "bluesky", "threads", "mastodon"),
        "studio",
        "Shelves with rows of pots and vases in the studio",
        "agent",
        day=1,
        at=time(9),
        evidence={"Calendar": "Firing 112 ends tonight", "Threads": "Kiln pictures get twice the replies"},
    ),
    Proposal(
        "Pitcher in teal dip",
        "One dip, four seconds, no second chance. The teal pitcher is back in two sizes.",
        ("instagram", "twitter", "linkedin"),
        "pitcher",
        "A pitcher dipped in teal glaze, with stems in it",
        "ann",
        day=2,
        at=time(8, 30),
    ),
    Proposal(
        "Linen care in three lines",
        "Wash at 40. Line dry. Iron only if somebody is coming.",
        ("twitter", "bluesky", "threads"),
        "linen",
        "A stack of folded linen before a terracotta wall",
        "ann",
        "draft",
    ),
    Proposal(
        "Bowls that nest",
        "Three bowls, one shelf. Ochre, chalk and harbour blue. #handmade #ceramics #shoplocal #tableware",
        ("instagram", "facebook", "threads"),
        "bowls",
        "Three nesting bowls in ochre, chalk and harbour blue",
        "agent",
        "rejected",
        evidence={"Shop": "Back in stock since Friday: 14 sets"},
    ),
)
