"""While somebody writes: previews and checks, pictures kept at once, tracked links, saved words."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User

from social import workflow
from social.models import Channel, Media, Post, SavedWords
from social.networks.tracking import tracked
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import LIST, page, words
from tests.admin_posts.test_form import fields, photo

pytestmark = pytest.mark.django_db
ADD, PREVIEW, PICTURE = f"{LIST}add/", f"{LIST}preview/", f"{LIST}picture/"
LINK = "https://kilnandlinen.com/products/moss"


def test_what_is_written_is_drawn_and_checked_network_by_network(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    answer = sign_in(ann).post(
        PREVIEW,
        {
            "text": "y" * 281,
            "own_bluesky": "Short.",
            "channels": [channels[key].pk for key in ("twitter", "bluesky", "instagram")],
        },
    )

    said = words(answer)
    assert "281 of 280, 1 over" in said
    assert "X allows 280 characters; this text has 281." in said
    assert "Instagram needs a picture." in said
    assert "Bluesky would refuse it" not in said
    assert "Leave X out" in said
    assert not Post.objects.exists()


def test_a_half_written_link_stops_nothing_but_is_told(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    answer = sign_in(ann).post(
        PREVIEW, {"text": "Moss", "link": "https://", "channels": [channels["twitter"].pk]}
    )

    assert answer.status_code == 200
    assert "Enter a valid URL." in words(answer)


def test_a_post_that_says_nearly_the_same_on_the_account_is_named(
    sign_in: SignIn, ann: User, channels: dict[str, Channel], make_post: MakePost
) -> None:
    make_post("pending", title="Bowls that nest", text="Three bowls, one shelf, thrown by hand in Guimarães.")
    typed = {"text": "Three bowls, one shelf, thrown by hand in Lisbon."}
    client = sign_in(ann)

    assert "Much like “Bowls that nest”" in words(
        client.post(PREVIEW, {**typed, "channels": [channels["twitter"].pk]})
    )
    assert "Much like" not in words(client.post(PREVIEW, {**typed, "channels": [channels["bluesky"].pk]}))


def test_the_next_free_slot_of_what_is_chosen_is_offered(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    typed = {"text": "Moss", "channels": [channels["twitter"].pk]}
    client = sign_in(ann)
    assert "data-slot" not in client.post(PREVIEW, typed).content.decode()

    Channel.objects.filter(network="twitter").update(slots=[["09:00"]] * 7)

    drawn = client.post(PREVIEW, typed).content.decode()
    at = re.search(r'data-slot="([^"]+)" data-slot-says="([^"]+)"', drawn)
    assert at is not None
    assert at[1].endswith("T09:00")
    assert "09:00" in at[2]


def test_who_may_not_write_is_drawn_nothing(sign_in: SignIn, olga: User) -> None:
    client = sign_in(olga)
    assert client.post(PREVIEW, {"text": "x"}).status_code == 403
    assert client.post(PICTURE, {"picture": photo()}).status_code == 403
    assert client.get(PREVIEW).status_code in (403, 405)


def test_a_picture_is_kept_at_once(sign_in: SignIn, ann: User) -> None:
    told = sign_in(ann).post(PICTURE, {"picture": photo()}).json()

    assert Media.objects.get().sha256 == told["sha256"]
    assert told["words"] == "moss.jpg · 200 × 200"


def test_a_picture_that_is_none_is_refused_in_words(sign_in: SignIn, ann: User) -> None:
    answer = sign_in(ann).post(PICTURE, {"picture": photo("PNG", "x.jpg")})

    assert (answer.status_code, answer.json()["problem"]) == (
        422,
        "x.jpg is not what its name says: its content is PNG.",
    )


def test_tracked_links_are_written_network_by_network_and_are_part_of_what_is_approved(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    typed = {
        "title": "Moss is back",
        "text": "Moss",
        "link": LINK,
        "channels": [channels["twitter"].pk, channels["facebook"].pk],
        "tracking": "1",
        "tracked": "on",
        "_save": "1",
    }
    client = sign_in(ann)
    client.post(ADD, typed)

    post = Post.objects.get()
    said = "utm_medium=social&utm_campaign=moss-is-back"
    assert post.content().link_for("twitter") == f"{LINK}?utm_source=x&{said}"
    assert post.content().link_for("facebook") == f"{LINK}?utm_source=facebook&{said}"
    content = workflow.content_of(post.content())
    assert replace(content, overrides={}).hash != content.hash

    untouched = fields(post, tracking="1", tracked="on", campaign="moss-is-back")
    client.post(page(post.pk), untouched)
    post.refresh_from_db()
    assert post.content().number == 1

    client.post(page(post.pk), fields(post, tracking="1"))
    post.refresh_from_db()
    assert (post.content().link_for("twitter"), post.content().overrides) == (LINK, {})


def test_a_link_that_a_program_gave_one_network_stays(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    other = {"twitter": {"link": "https://kilnandlinen.com/other"}}
    post = make_post("draft", link=LINK, overrides=other)

    sign_in(ann).post(page(post.pk), fields(post, text="After", tracking="1", tracked="on"))

    post.refresh_from_db()
    assert post.content().overrides == other


def test_a_link_that_names_its_source_is_left_as_it_is() -> None:
    assert tracked(f"{LINK}?utm_source=mail", "twitter", "moss") == f"{LINK}?utm_source=mail"
    assert tracked(f"{LINK}?v=1#top", "facebook", "moss") == (
        f"{LINK}?v=1&utm_source=facebook&utm_medium=social&utm_campaign=moss#top"
    )


def test_a_first_comment_is_kept_and_refused_where_it_is_too_long(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    typed: dict[str, Any] = {"text": "Moss", "channels": [channels["facebook"].pk], "_submit": "1"}
    client = sign_in(ann)

    refused = client.post(ADD, {**typed, "comment_facebook": "a" * 8001})
    assert refused.context["form"].errors["comment_facebook"]

    client.post(ADD, {**typed, "comment_facebook": "#moss"})
    assert Post.objects.get().content().comment_for("facebook") == "#moss"


def test_what_the_browser_kept_is_named_when_the_server_has_it(sign_in: SignIn, ann: User) -> None:
    answer = sign_in(ann).post(ADD, {"text": "Moss", "draft": "a-draft", "_save": "1"})

    assert answer.cookies["hd_saved"].value == "a-draft"


def test_templates_and_phrases_stand_in_the_menus(sign_in: SignIn, ann: User) -> None:
    client = sign_in(ann)
    answer = client.post(
        "/admin/social/savedwords/add/",
        {"kind": "phrase", "name": "Shop hours", "text": "Open Tuesday to Saturday."},
    )
    assert answer.status_code == 302
    SavedWords.objects.create(kind="template", name="Back in stock", text="… is back.")

    body = client.get(ADD).content.decode()
    assert 'data-hd-phrase="Open Tuesday to Saturday."' in body
    assert 'data-hd-template="… is back."' in body
