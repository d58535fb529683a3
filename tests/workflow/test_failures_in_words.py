"""What networks and Publer say, and what people read."""

import pytest

from social.models import Channel
from social.models.channel import NETWORK_NAMES
from social.networks.failures import Failure, Kind, known, meaning
from social.networks.places import profile_url

SAID = [
    # network    what it says                                                        kind       retry  where
    (
        "twitter",
        "There's another post at this time. A one minute gap is required between posts",
        "gap",
        True,
        "",
    ),
    (
        "threads",
        "You have reached the daily limit of 250 posts for this account. Try again later",
        "daily",
        True,
        "",
    ),
    ("twitter", "User is over daily status update limit.", "daily", True, ""),
    ("instagram", "Error 2207042: the maximum number of posts was published", "daily", True, ""),
    ("twitter", "Status is a duplicate. (187)", "duplicate", False, "text"),
    ("twitter", "You are not allowed to create a Tweet with duplicate content.", "duplicate", False, "text"),
    ("facebook", "(#506) Duplicate status message", "duplicate", False, "text"),
    ("linkedin", "Content is a duplicate of urn:li:share:7012345678901234567", "duplicate", False, "text"),
    ("twitter", "Tweet needs to be a bit shorter. (186)", "final", False, "text"),
    ("threads", "Param text must be at most 500 characters long.", "final", False, "text"),
    ("mastodon", "Validation failed: Text character limit of 500 exceeded", "final", False, "text"),
    ("bluesky", "Record/text must not be longer than 300 graphemes", "final", False, "text"),
    ("telegram", "Bad Request: message caption is too long", "final", False, "text"),
    ("instagram", "Too many hashtags: the limit is 30", "final", False, "text"),
    ("twitter", "Text can't be blank", "final", False, "text"),
    ("instagram", "Media can't be blank", "final", False, "pictures"),
    ("facebook", "Media was not found", "final", True, "pictures"),
    ("instagram", "The aspect ratio is not supported (36003)", "final", False, "pictures"),
    ("instagram", "Only photo or video can be accepted as media type. (9004)", "final", False, "pictures"),
    (
        "bluesky",
        "This file is too large. It is 1.2MB but the maximum size is 976.56KB.",
        "final",
        False,
        "pictures",
    ),
    ("linkedin", "Unsupported image format", "final", False, "pictures"),
    ("facebook", "(#100) The url you supplied is invalid", "final", False, "link"),
    (
        "facebook",
        "Error validating access token: Session has expired on Tuesday (#190)",
        "final",
        True,
        "publer",
    ),
    ("linkedin", "EXPIRED_ACCESS_TOKEN", "final", True, "publer"),
    ("bluesky", "Token has been revoked", "final", True, "publer"),
    ("tiktok", "Please reconnect your account", "final", True, "publer"),
    ("facebook", "(#200) Requires pages_manage_posts permission", "final", True, "publer"),
    ("telegram", "Forbidden: bot was kicked from the channel chat", "final", True, "publer"),
    ("pinterest", "Board not found", "final", True, "publer"),
    ("twitter", "Account not found", "final", True, "publer"),
    (
        "facebook",
        "(#368) The action attempted has been deemed abusive or is otherwise disallowed",
        "final",
        True,
        "account",
    ),
    ("twitter", "Your account is suspended", "final", True, "account"),
    ("tiktok", "spam_risk_too_many_posts", "final", True, ""),
    ("facebook", "(#4) Application request limit reached", "final", True, ""),
    (
        "facebook",
        "An unexpected error has occurred. Please retry your request later. (#2)",
        "final",
        True,
        "account",
    ),
    ("linkedin", "Internal server error", "final", True, "account"),
    ("facebook", "This violates our Community Standards", "final", False, "text"),
    ("twitter", "Post type 'story' is not supported by twitter", "final", False, "channels"),
    ("facebook", "Upgrade your plan to post videos", "final", True, "publer"),
]


@pytest.mark.parametrize(
    ("network", "said", "kind", "retry", "where"), SAID, ids=[row[1][:40] for row in SAID]
)
def test_what_is_said_has_a_meaning(network: str, said: str, kind: Kind, retry: bool, where: str) -> None:
    found = meaning(network, said)
    assert found is not None
    assert (found.kind, found.retry_helps, found.where) == (kind, retry, where)


@pytest.mark.parametrize(
    "said",
    [
        "The network refused this post",
        "LinkedIn is not taking pictures right now",
        "X does not like these words",
        "Text contains words that are not allowed",
        "Text is not allowed",
        "",
    ],
)
def test_what_nobody_has_met_has_none(said: str) -> None:
    assert meaning("linkedin", said) is None


def test_a_networks_own_sentence_means_that_there_alone() -> None:
    assert meaning("twitter", "code 187") is not None
    assert meaning("facebook", "code 187") is None


ALL: list[tuple[str, Failure]] = list(known())


@pytest.mark.parametrize(("network", "failure"), ALL, ids=[f"{n}-{i}" for i, (n, _) in enumerate(ALL)])
def test_every_meaning_is_told_in_plain_words_with_what_to_do(network: str, failure: Failure) -> None:
    told = failure.told(NETWORK_NAMES.get(network, "X"))
    assert told.endswith(".")
    assert not any(sign in told for sign in "{}!#_<>")
    assert not network or network in NETWORK_NAMES
    waits = failure.kind in ("gap", "daily")
    assert bool(failure.todo) is not waits
    if not failure.retry_helps:
        assert "a new approval is asked" in failure.todo
    elif not waits:
        assert "try again" in told.lower()


@pytest.mark.parametrize(
    ("network", "name", "kind", "social_id", "leads_to"),
    [
        ("twitter", "@kiln", "", "", "https://x.com/kiln"),
        ("twitter", "Kiln & Linen", "", "42", "https://x.com/intent/user?user_id=42"),
        ("facebook", "Kiln", "page", "42", "https://www.facebook.com/42"),
        ("facebook", "Kiln", "group", "42", "https://www.facebook.com/groups/42"),
        ("linkedin", "Kiln", "page", "42", "https://www.linkedin.com/company/42/"),
        ("linkedin", "Kiln", "profile", "42", ""),
        ("bluesky", "Kiln", "", "did:plc:abc123", "https://bsky.app/profile/did:plc:abc123"),
        ("mastodon", "@kiln@social.example", "", "", "https://social.example/@kiln"),
        ("mastodon", "@kiln@evil/../x", "", "", ""),
        ("twitter", "Kiln", "", "javascript:alert(1)", ""),
        ("wordpress", "@kiln", "", "42", ""),
    ],
)
def test_an_account_is_looked_at_where_what_is_known_leads(
    network: str, name: str, kind: str, social_id: str, leads_to: str
) -> None:
    assert profile_url(Channel(network=network, name=name, kind=kind, social_id=social_id)) == leads_to
