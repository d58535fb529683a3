"""The bulk envelope, by Publer's own contract."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS31Validator

from integrations.publer.content import BulkPost, Entry, Kind, MediaItem, envelope, words

MUG = MediaItem("m1", "https://cdn/m1.jpg", "photo", "A mug")
BOWL = MediaItem("m2", "https://cdn/m2.jpg", "photo")
LINK = "https://shop.example/mug?utm=1"


@pytest.fixture(scope="session")
def validator(contracts_dir: Path) -> OAS31Validator:
    contract: dict[str, Any] = yaml.safe_load((contracts_dir / "publer-openapi.yml").read_text())
    return OAS31Validator(
        {"$ref": "#/components/schemas/BulkPostsRequest", "components": contract["components"]}
    )


def entry(network: str = "facebook", kind: Kind = "status", text: str = "Words", **parts: Any) -> Entry:
    return Entry(parts.pop("account_id", f"{network}-1"), network, kind, text, **parts)


def content(only: Entry) -> dict[str, Any]:
    networks: dict[str, dict[str, Any]] = envelope([BulkPost((only,))])["bulk"]["posts"][0]["networks"]
    return networks[only.network]


@pytest.mark.parametrize(
    "network", ["facebook", "twitter", "linkedin", "threads", "bluesky", "mastodon", "telegram", "google"]
)
@pytest.mark.parametrize(
    ("kind", "media", "link"),
    [("status", (), ""), ("link", (), LINK), ("photo", (MUG,), ""), ("photo", (MUG, BOWL), LINK)],
)
def test_what_is_sent_is_what_the_contract_asks(
    validator: OAS31Validator, network: str, kind: Kind, media: Any, link: str
) -> None:
    moment = datetime(2026, 9, 1, tzinfo=UTC)
    made = entry(network, kind, link=link, media=media, comment="First!", scheduled_at=moment)
    body = envelope([BulkPost((made,))])
    assert [error.message for error in validator.iter_errors(body)] == []


@pytest.mark.parametrize("network", ["instagram", "pinterest", "tiktok"])
@pytest.mark.parametrize(("kind", "media"), [("photo", (MUG,)), ("carousel", (MUG, BOWL))])
def test_networks_of_pictures_are_sent_what_the_contract_asks(
    validator: OAS31Validator, network: str, kind: Kind, media: Any
) -> None:
    made = entry(network, kind, media=media, link=LINK, title="Mug", comment="#mug")
    assert [error.message for error in validator.iter_errors(envelope([BulkPost((made,))]))] == []


def test_the_contract_would_notice_a_wrong_body(validator: OAS31Validator) -> None:
    assert list(validator.iter_errors(envelope([BulkPost((entry("instagram", "status"),))])))


def test_text_stands_inside_the_network_and_times_at_the_account() -> None:
    moment = datetime(2026, 9, 1, 12, 0, 30, 999, tzinfo=timezone(timedelta(hours=2)))
    post = BulkPost((entry("facebook", scheduled_at=moment), entry("twitter", text="Short")))
    assert envelope([post]) == {
        "bulk": {
            "state": "scheduled",
            "posts": [
                {
                    "networks": {
                        "facebook": {"type": "status", "text": "Words"},
                        "twitter": {"type": "status", "text": "Short"},
                    },
                    "accounts": [
                        {"id": "facebook-1", "scheduled_at": "2026-09-01T12:00:30+02:00"},
                        {"id": "twitter-1"},
                    ],
                }
            ],
        }
    }


def test_accounts_of_one_network_share_its_content() -> None:
    post = BulkPost((entry(account_id="a1"), entry(account_id="a2")))
    (made,) = envelope([post])["bulk"]["posts"]
    assert list(made["networks"]) == ["facebook"]
    assert [account["id"] for account in made["accounts"]] == ["a1", "a2"]


def test_one_post_cannot_say_two_things_on_one_network() -> None:
    with pytest.raises(ValueError, match="two things"):
        envelope([BulkPost((entry(account_id="a1"), entry(account_id="a2", text="Other")))])


def test_one_post_cannot_stand_on_an_account_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        envelope([BulkPost((entry(), entry()))])


def test_a_time_without_an_offset_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="offset"):
        envelope([BulkPost((entry(scheduled_at=datetime(2026, 9, 1)),))])


def test_photos_carry_their_descriptions() -> None:
    assert content(entry(kind="photo", media=(MUG, BOWL)))["media"] == [
        {"id": "m1", "path": "https://cdn/m1.jpg", "type": "image", "alt_text": "A mug"},
        {"id": "m2", "path": "https://cdn/m2.jpg", "type": "image"},
    ]


def test_a_link_post_has_its_link_beside_the_text() -> None:
    assert content(entry(kind="link", link=LINK)) == {"type": "link", "text": "Words", "link": {"url": LINK}}


def test_google_has_its_link_in_a_field_of_a_plain_post() -> None:
    assert content(entry("google", "link", link=LINK)) == {"type": "status", "text": "Words", "url": LINK}


@pytest.mark.parametrize(
    ("text", "sent"), [("Words", f"Words\n\n{LINK}"), ("", LINK), (f"See {LINK} now", f"See {LINK} now")]
)
def test_a_photo_post_ends_with_its_link(text: str, sent: str) -> None:
    made = entry(kind="photo", text=text, link=LINK, media=(MUG,))
    assert words(made) == content(made)["text"] == sent


def test_a_title_goes_where_titles_go() -> None:
    assert content(entry("linkedin", title="Mug"))["title"] == "Mug"


def test_a_gif_is_sent_as_one(validator: OAS31Validator) -> None:
    made = entry("twitter", "gif", media=(MediaItem("g", "p", "gif"),))
    assert content(made)["media"] == [{"id": "g", "path": "p", "type": "gif"}]
    assert [error.message for error in validator.iter_errors(envelope([BulkPost((made,))]))] == []


def test_a_first_comment_stands_where_publer_takes_it() -> None:
    (post,) = envelope([BulkPost((entry("facebook", comment="One"), entry("instagram", comment="Two")))])[
        "bulk"
    ]["posts"]
    assert post["accounts"] == [{"id": "facebook-1", "comments": [{"text": "One"}]}, {"id": "instagram-1"}]
    assert post["networks"]["facebook"] == {"type": "status", "text": "Words"}
    assert post["networks"]["instagram"] == {"type": "status", "text": "Words", "firstComment": "Two"}


def test_youtube_has_its_words_in_the_description() -> None:
    made = content(entry("youtube", "video", title="Mug", media=(MediaItem("v", "p", "video"),)))
    assert (made["title"], made["description"], "text" in made) == ("Mug", "Words", False)
