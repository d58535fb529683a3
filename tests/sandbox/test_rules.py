"""How networks count, and what they do not take."""

import pytest

from integrations.publer.sandbox.rules import Account, content_refusal, daily_limit, length, normal_form


@pytest.mark.parametrize(
    ("provider", "text", "counted"),
    [
        ("twitter", "https://kilnandlinen.com/a/very/long/address/that/goes/on", 23),
        ("mastodon", "see https://kilnandlinen.com/a/very/long/address", 27),
        ("twitter", "👩‍👩‍👧‍👦", 2),
        ("twitter", "茶碗", 4),
        ("twitter", "naïve – “quoted”", 16),
        ("bluesky", "👩‍👩‍👧‍👦é", 2),
        ("threads", "abc", 3),
    ],
)
def test_a_text_is_as_long_as_its_network_says(provider: str, text: str, counted: int) -> None:
    assert length(provider, text) == counted


@pytest.mark.parametrize(
    ("provider", "content", "words"),
    [
        ("bluesky", {"type": "status", "text": "x" * 301}, "Text is too long"),
        ("instagram", {"type": "status", "text": "x"}, "not supported"),
        ("instagram", {"type": "photo", "text": "#a " * 31, "media": [{"id": "1"}]}, "Too many hashtags"),
        ("facebook", {"type": "photo", "text": "x"}, "Media can't be blank"),
        ("facebook", {"type": "status", "text": " "}, "Text can't be blank"),
        ("facebook", None, "No content"),
    ],
)
def test_what_a_network_does_not_take_is_refused_in_words(
    provider: str, content: dict[str, object] | None, words: str
) -> None:
    assert words in (content_refusal(provider, content, {"1"}) or "")


def test_a_linkedin_profile_may_post_less_than_a_page() -> None:
    page, profile = (Account("1", "linkedin", "x", type) for type in ("page", "profile"))
    assert (daily_limit(page, "business"), daily_limit(profile, "business")) == (24, 14)
    assert daily_limit(page, "none") is None


def test_texts_that_a_reader_would_call_the_same_have_one_normal_form() -> None:
    assert normal_form("Three  bowls,\none ﬁt\u200b") == normal_form("three bowls, one fit")
    assert normal_form("a b") != normal_form("ab")
