"""What each network refuses, told at the field before it is asked."""

from typing import Any

import pytest

from social.networks import NETWORKS, Problem, Shown, check, kind_of

JPEG = Shown("image/jpeg", 500_000, 1080, 1080)
GIF = Shown("image/gif", 500_000, 480, 480)
LINK = "https://kilnandlinen.com/products/" + "a" * 100


def told(network: str, text: str = "Moss", **more: Any) -> list[tuple[str, str]]:
    content = {"link": "", "overrides": {}, "pictures": [JPEG], "networks": [network], **more}
    return [(problem.field, problem.message) for problem in check(text=text, **content)]


@pytest.mark.parametrize("network", sorted(NETWORKS.keys() - {"youtube"}))
def test_an_ordinary_post_with_a_picture_goes_everywhere(network: str) -> None:
    assert told(network) == []


@pytest.mark.parametrize(
    ("network", "text", "words"),
    [
        ("twitter", "a" * 281, "X allows 280 characters; this text has 281."),
        ("twitter", "漢" * 141, "X allows 280 characters; this text has 282."),
        ("bluesky", "👨‍👩‍👧‍👦" * 301, "Bluesky allows 300 characters; this text has 301."),
        ("bluesky", "👨‍👩‍👧‍👦" * 300, "Bluesky allows 3,000 bytes; this text has 7,500."),
        ("mastodon", "a" * 501, "Mastodon allows 500 characters; this text has 501."),
        ("threads", "🌿" * 126, "Threads allows 500 characters; this text has 504."),
        ("linkedin", "a" * 3001, "LinkedIn allows 3,000 characters; this text has 3,001."),
        ("telegram", "a" * 1025, "Telegram allows 1,024 characters beside a picture; this text has 1,025."),
        ("instagram", "#a " * 31, "Instagram allows 30 hashtags; this text has 31."),
        ("instagram", "@a " * 21, "Instagram allows 20 mentions; this text has 21."),
        (
            "threads",
            " ".join(f"https://a.io/{n}" for n in range(6)),
            "Threads allows 5 links; this text has 6.",
        ),
    ],
)
def test_a_text_that_is_too_much_is_refused_with_rule_and_count(network: str, text: str, words: str) -> None:
    assert ("text", words) in told(network, text)


def test_the_own_text_of_a_network_is_what_is_judged() -> None:
    long = "a" * 281
    assert told("twitter", long, overrides={"twitter": {"text": "Short."}}) == []
    assert told("twitter", "Short.", overrides={"twitter": {"text": long}}) == [
        ("overrides.twitter.text", "X allows 280 characters; this text has 281.")
    ]


@pytest.mark.parametrize("pictures", [[JPEG], []])
def test_on_x_the_link_is_part_of_the_text_and_counts_23(pictures: list[Shown]) -> None:
    assert told("twitter", "a" * 255, link=LINK, pictures=pictures) == []
    assert told("twitter", "a" * 256, link=LINK, pictures=pictures) == [
        ("text", "X allows 280 characters; text and link have 281.")
    ]
    assert told("twitter", f"{'a' * 256} {LINK}", link=LINK, pictures=pictures) == []


def test_a_link_that_stands_beside_the_text_costs_nothing() -> None:
    assert told("threads", "a" * 500, link=LINK, pictures=[]) == []
    assert told("threads", "a" * 500, link=LINK) == [
        ("text", f"Threads allows 500 characters; text and link have {502 + len(LINK)}.")
    ]


@pytest.mark.parametrize(
    ("network", "pictures", "words"),
    [
        ("instagram", [], "Instagram needs a picture."),
        ("twitter", [JPEG] * 5, "X takes up to 4 pictures; here are 5."),
        ("google", [JPEG] * 2, "Google Business takes one picture; here are 2."),
        ("instagram", [GIF], "Instagram takes JPEG or PNG; picture 1 is a GIF."),
        ("twitter", [JPEG, GIF], "X takes a GIF only alone; here are 2 pictures."),
        (
            "twitter",
            [Shown("image/jpeg", 6_000_000, 999, 999)],
            "X takes up to 5 MB; picture 1 has 6.0 MB.",
        ),
        (
            "instagram",
            [JPEG, Shown("image/jpeg", 9, 1080, 1920)],
            "Instagram takes shapes from 4:5 to 1.91:1; picture 2 is 1,080 × 1,920.",
        ),
        (
            "instagram",
            [Shown("image/jpeg", 9, 300, 300)],
            "Instagram takes pictures from 320 × 320 pixels; picture 1 is 300 × 300.",
        ),
        (
            "pinterest",
            [Shown("image/jpeg", 9, 600, 600, "a" * 501)],
            "Pinterest allows 500 characters of alt text; picture 1 has 501.",
        ),
    ],
)
def test_pictures_that_a_network_does_not_take_are_named(
    network: str, pictures: list[Shown], words: str
) -> None:
    assert ("media", words) in told(network, pictures=pictures)


def test_videos_alone_are_not_sent() -> None:
    assert told("youtube") == [
        ("channels", "YouTube takes videos alone, and HotDash sends none: leave YouTube out.")
    ]


def test_a_first_comment_is_taken_where_publer_takes_one() -> None:
    field = "overrides.{}.first_comment"
    assert told("facebook", overrides={"facebook": {"first_comment": "#moss"}}) == []
    assert told("bluesky", overrides={"bluesky": {"first_comment": "#moss"}}) == [
        (field.format("bluesky"), "Publer takes no first comment for Bluesky.")
    ]
    assert told("instagram", overrides={"instagram": {"first_comment": "a" * 2201}}) == [
        (
            field.format("instagram"),
            "Instagram allows 2,200 characters in a comment; this one has 2,201.",
        )
    ]


def test_before_the_pictures_are_there_only_their_number_is_judged() -> None:
    content: dict[str, Any] = {"text": "x", "link": "", "overrides": {}, "networks": ["instagram"]}
    assert check(**content, media_count=1) == []
    assert check(**content, media_count=0) == [Problem("media", "Instagram needs a picture.")]


@pytest.mark.parametrize(
    ("network", "pictures", "link", "kind"),
    [
        ("twitter", [], "", "status"),
        ("twitter", [], LINK, "link"),
        ("twitter", ["image/jpeg"], LINK, "photo"),
        ("twitter", ["image/jpeg"] * 2, "", "photo"),
        ("instagram", ["image/jpeg"], "", "photo"),
        ("instagram", ["image/jpeg"] * 2, "", "carousel"),
        ("mastodon", ["image/gif"], "", "gif"),
    ],
)
def test_what_it_carries_makes_its_kind(network: str, pictures: list[str], link: str, kind: str) -> None:
    assert kind_of(network, pictures, link) == kind
