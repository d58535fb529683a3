"""Writing and changing a post: what is saved, what is refused at its field, and what is never overwritten."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from social import workflow
from social.admin.post_form import PostForm
from social.models import Channel, Media, Post, Revision
from social.networks.links import WITH_A_LOGIN
from social.workflow import Actor, Content, InvalidContent
from tests.admin_posts.made import MakePost, SignIn
from tests.admin_posts.said import LIST, page, told, words

pytestmark = pytest.mark.django_db
ADD = f"{LIST}add/"
S = Post.Status


def photo(kind: str = "JPEG", name: str = "moss.jpg", side: int = 200, **options: Any) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (side, side), (90, 120, 60)).save(out, kind, **options)
    return SimpleUploadedFile(name, out.getvalue())


def test_an_author_saves_a_draft(sign_in: SignIn, ann: User, channels: dict[str, Channel]) -> None:
    answer = sign_in(ann).post(
        ADD,
        {
            "title": "Moss",
            "text": "The Moss set is back.\r\nFour plates.",
            "link": "https://kilnandlinen.com/moss",
            "channels": [channels["twitter"].pk, channels["bluesky"].pk],
            "own_bluesky": "Shorter.",
            "scheduled_at": "2030-11-24T12:00",
            "_save": "1",
        },
    )

    post = Post.objects.get()
    revision = post.content()
    assert (answer.status_code, answer["Location"]) == (302, page(post.pk))
    assert (post.status, post.title, post.author) == (S.DRAFT, "Moss", ann)
    assert revision.text == "The Moss set is back.\nFour plates."
    assert revision.overrides == {"bluesky": {"text": "Shorter."}}
    assert {channel.network for channel in revision.channels.all()} == {"twitter", "bluesky"}
    # Twelve in Berlin, where the browser is, in winter.
    assert revision.scheduled_at is not None
    assert revision.scheduled_at.isoformat() == "2030-11-24T11:00:00+00:00"


def test_save_and_ask_does_both(sign_in: SignIn, ann: User, channels: dict[str, Channel]) -> None:
    sign_in(ann).post(ADD, {"text": "Hello", "channels": [channels["twitter"].pk], "_submit": "1"})

    assert Post.objects.get().status == S.PENDING


def test_an_empty_draft_can_be_saved_but_not_submitted(sign_in: SignIn, ann: User) -> None:
    client = sign_in(ann)

    refused = client.post(ADD, {"title": "An idea", "_submit": "1"})
    assert "Choose at least one channel." in words(refused)
    assert not Post.objects.exists()

    client.post(ADD, {"title": "An idea", "_save": "1"})
    assert Post.objects.get().title == "An idea"


def test_what_a_network_refuses_stands_at_its_field_and_nothing_typed_is_lost(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    typed = {
        "title": "Long one",
        "text": "fine",
        "own_twitter": "y" * 281,
        "link": "https://kilnandlinen.com/x",
        "channels": [channels["twitter"].pk, channels["instagram"].pk],
        "_submit": "1",
    }

    answer = sign_in(ann).post(ADD, typed)

    form = answer.context["form"]
    assert form.errors["own_twitter"] == ["X allows 280 characters; text and link have 306."]
    assert form.errors["pictures"] == ["Instagram needs a picture."]
    assert not Post.objects.exists()
    body = answer.content.decode()
    assert "y" * 281 in body
    assert 'value="Long one"' in body
    assert 'value="https://kilnandlinen.com/x"' in body
    assert body.count(" checked") == 2


@pytest.mark.parametrize("button", ["_save", "_submit"])
def test_a_login_in_a_link_is_refused_with_the_reason(
    button: str, sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    typed = {"text": "x", "channels": [channels["twitter"].pk], "link": "https://user:pw@kilnandlinen.com/x"}

    answer = sign_in(ann).post(ADD, {**typed, button: "1"})

    assert answer.context["form"].errors["link"] == [WITH_A_LOGIN]
    assert not Post.objects.exists()


def test_a_login_in_the_link_of_an_older_draft_is_refused_when_it_is_submitted(
    ann: User, channels: dict[str, Channel]
) -> None:
    content = Content(text="x", channels=[channels["twitter"]], link="https://user@kilnandlinen.com/")
    post = workflow.create(Actor(ann), content)

    with pytest.raises(InvalidContent) as refused:
        workflow.submit(post.pk, Actor(ann))

    assert [(problem.field, problem.message) for problem in refused.value.problems] == [
        ("link", WITH_A_LOGIN)
    ]


def test_a_time_that_has_passed_is_not_submitted(
    sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    answer = sign_in(ann).post(
        ADD,
        {
            "text": "x",
            "channels": [channels["twitter"].pk],
            "scheduled_at": "2020-01-01T10:00",
            "_submit": "1",
        },
    )

    assert "This time has passed" in words(answer)
    assert not Post.objects.exists()


@pytest.mark.parametrize("at", ["tomorrow", "2030-03-31T02:30", "2030-13-01T00:00"])
def test_a_time_that_is_none_is_said_at_its_field(at: str, sign_in: SignIn, ann: User) -> None:
    answer = sign_in(ann).post(ADD, {"text": "x", "scheduled_at": at, "_save": "1"})

    assert answer.context["form"].errors["scheduled_at"]


def test_a_time_that_the_clocks_leave_out_is_refused_in_words(sign_in: SignIn, ann: User) -> None:
    answer = sign_in(ann).post(ADD, {"text": "x", "scheduled_at": "2030-03-31T02:30", "_save": "1"})

    assert "02:30 does not exist on 31 March: the clocks go forward" in words(answer)


def test_of_a_time_that_comes_twice_the_first_is_taken(sign_in: SignIn, ann: User) -> None:
    sign_in(ann).post(ADD, {"text": "x", "scheduled_at": "2030-10-27T02:30", "_save": "1"})

    assert Post.objects.get().scheduled_at == datetime(2030, 10, 27, 0, 30, tzinfo=UTC)


def test_the_second_of_two_such_times_stays_where_it_is_not_touched(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    second = datetime(2030, 10, 27, 1, 30, tzinfo=UTC)
    post = make_post("draft", scheduled_at=second)

    sign_in(ann).post(page(post.pk), fields(post, text="After", scheduled_at="2030-10-27T02:30"))

    post.refresh_from_db()
    assert (post.content().text, post.scheduled_at) == ("After", second)


# ---------------------------------------------------------------------------------------- pictures
def test_pictures_are_kept_in_their_order_with_their_alt_texts(sign_in: SignIn, ann: User) -> None:
    first, second = photo(side=200), photo(kind="PNG", name="bowl.png", side=220)

    sign_in(ann).post(
        ADD,
        {
            "text": "x",
            "pictures": [first, second],
            "media": ["new:1", "new:0"],
            "media_alt": ["A bowl", "Moss"],
            "_save": "1",
        },
    )

    rows = list(Post.objects.get().content().revision_media.select_related("media"))
    assert [(row.media.filename, row.alt_text) for row in rows] == [
        ("bowl.png", "A bowl"),
        ("moss.jpg", "Moss"),
    ]


def test_files_alone_are_enough(sign_in: SignIn, ann: User) -> None:
    sign_in(ann).post(ADD, {"text": "x", "pictures": [photo()], "_save": "1"})

    assert Post.objects.get().content().media.count() == 1


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (SimpleUploadedFile("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "is an SVG drawing"),
        (SimpleUploadedFile("x.jpg", b"<html><script>alert(1)</script></html>"), "is not a JPEG"),
        (photo("PNG", "x.jpg"), "is not what its name says"),
        (SimpleUploadedFile("x.jpg", b""), "is empty"),
    ],
    ids=["svg", "html", "png-named-jpg", "empty"],
)
def test_a_file_that_is_no_picture_is_refused_at_its_field(
    file: SimpleUploadedFile, why: str, sign_in: SignIn, ann: User, channels: dict[str, Channel]
) -> None:
    file.seek(0)

    answer = sign_in(ann).post(
        ADD,
        {
            "title": "Kept title",
            "text": "Kept text",
            "pictures": [photo(name="good.jpg"), file],
            "_save": "1",
        },
    )

    assert why in answer.context["form"].errors["pictures"][0]
    assert not Post.objects.exists()
    kept = Media.objects.get()
    body = answer.content.decode()
    assert kept.filename == "good.jpg"
    assert f'name="media" value="{kept.sha256}"' in body
    assert "Kept text" in body


def test_a_file_that_is_too_large_is_not_even_read(
    sign_in: SignIn, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*args: Any) -> Media:
        raise AssertionError("it was read")

    monkeypatch.setattr("social.pictures.MAX_BYTES", 100)
    monkeypatch.setattr("social.pictures.keep", read)

    answer = sign_in(ann).post(ADD, {"text": "x", "pictures": [photo()], "_save": "1"})

    assert "MB are taken" in words(answer)
    assert not Media.objects.exists()


def test_a_picture_kept_before_is_sent_again_by_its_hash_alone(sign_in: SignIn, ann: User) -> None:
    client = sign_in(ann)
    client.post(ADD, {"text": "x", "link": "not a link", "pictures": [photo()], "_save": "1"})
    sha = Media.objects.get().sha256

    client.post(ADD, {"text": "x", "media": [sha], "media_alt": ["Moss"], "_save": "1"})

    row = Post.objects.get().content().revision_media.get()
    assert (row.media_id, row.alt_text) == (sha, "Moss")


def test_where_a_picture_was_taken_is_gone(sign_in: SignIn, ann: User) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)}
    exif[0x010F] = "A camera"

    sign_in(ann).post(ADD, {"text": "x", "pictures": [photo(exif=exif.tobytes())], "_save": "1"})

    kept = Media.objects.with_bytes().get()
    with Image.open(io.BytesIO(bytes(kept.content))) as image:
        assert not dict(image.getexif())
    assert b"A camera" not in bytes(kept.content)


def test_an_unknown_hash_is_no_picture(sign_in: SignIn, ann: User) -> None:
    sign_in(ann).post(ADD, {"text": "x", "media": ["0" * 64, "new:7"], "media_alt": ["a", "b"], "_save": "1"})

    assert Post.objects.get().content().media.count() == 0


# ------------------------------------------------------------------------------------------ changing
def fields(post: Post, **more: Any) -> dict[str, Any]:
    """What the form of this post sends when nothing is touched."""
    revision = post.content()
    return {
        "title": post.title,
        "text": revision.text,
        "link": revision.link,
        "channels": [channel.pk for channel in revision.channels.all()],
        "shown_hash": revision.content_hash,
        "_save": "1",
        **more,
    }


def test_an_edit_makes_a_new_revision(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    post = make_post("draft", text="Before")

    sign_in(ann).post(page(post.pk), fields(post, text="After"))

    post.refresh_from_db()
    assert (post.content().number, post.content().text) == (2, "After")


def test_a_form_that_nobody_touched_changes_nothing(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("approved")

    sign_in(ann).post(page(post.pk), fields(post, title="Another name"))

    post.refresh_from_db()
    assert (post.status, post.title, post.content().number) == (S.APPROVED, "Another name", 1)


def test_somebody_s_change_is_never_overwritten(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost
) -> None:
    post = make_post("draft", text="The set is €96.")
    drawn = fields(post, text="Ann's words.")
    content = replace(workflow.content_of(post.content()), text="The set is €89.")
    workflow.edit(post.pk, Actor(bob), content)
    client = sign_in(ann)

    answer = client.post(page(post.pk), drawn)

    post.refresh_from_db()
    said, body = words(answer), answer.content.decode()
    assert post.content().text == "The set is €89."
    assert "Bob Lindqvist changed this post at" in said
    assert "<del>€96.</del> <ins>€89.</ins>" in body
    assert "Ann&#x27;s words." in body

    # Seen and wanted all the same: the second press carries the hash of what was seen.
    client.post(page(post.pk), {**drawn, "shown_hash": post.content().content_hash})
    post.refresh_from_db()
    assert post.content().text == "Ann's words."


def test_an_edit_between_the_look_and_the_lock_is_seen_too(
    sign_in: SignIn, ann: User, bob: User, make_post: MakePost, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = make_post("draft", text="Before")
    content = PostForm.content

    def late(form: PostForm) -> Content:
        workflow.edit(
            post.pk, Actor(bob), replace(workflow.content_of(post.content()), text="Bob was faster")
        )
        return content(form)

    monkeypatch.setattr(PostForm, "content", late)

    answer = sign_in(ann).post(page(post.pk), fields(post, text="Ann was slower"))

    post.refresh_from_db()
    assert post.content().text == "Bob was faster"
    assert "Bob Lindqvist changed this post" in words(answer)
    assert "Ann was slower" in answer.content.decode()


def test_an_edit_of_an_approved_post_says_beforehand_that_it_asks_again(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post("approved")
    client = sign_in(ann)

    assert "An edit takes the approval back: a new one will be needed" in words(client.get(page(post.pk)))
    client.post(page(post.pk), fields(post, text="Another text"))

    post.refresh_from_db()
    assert post.status == S.DRAFT
    assert [row.status for row in post.deliveries.all()] == ["cancelled"]


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("sending", "It is on its way to X"),
        ("scheduled", "Too late: Publer sends it on X at"),
        ("published", "It is out: nothing of it can be changed from here."),
    ],
)
def test_what_cannot_be_changed_is_locked_in_words(
    state: str, why: str, sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post(state)
    client = sign_in(ann)

    answer = client.get(page(post.pk))
    assert why in words(answer)
    assert "post_form" not in answer.content.decode()

    client.post(page(post.pk), fields(post, text="Forced"))
    post.refresh_from_db()
    assert post.content().number == 1


def test_in_review_the_author_withdraws_first(sign_in: SignIn, ann: User, make_post: MakePost) -> None:
    post = make_post("pending")
    client = sign_in(ann)

    assert "that is for an approver" in words(client.get(page(post.pk)))
    client.post(page(post.pk), fields(post, text="Forced"))

    post.refresh_from_db()
    assert (post.status, post.content().number) == (S.PENDING, 1)


def test_in_review_an_approver_s_edit_stays_in_review(
    sign_in: SignIn, bob: User, make_post: MakePost
) -> None:
    post = make_post("pending")

    sign_in(bob).post(page(post.pk), fields(post, text="Better words"))

    post.refresh_from_db()
    assert (post.status, post.content().text) == (S.PENDING, "Better words")


def test_an_operator_may_look_but_not_write(sign_in: SignIn, olga: User, make_post: MakePost) -> None:
    post = make_post("draft")
    client = sign_in(olga)

    assert client.get(ADD).status_code == 403
    assert client.get(page(post.pk)).status_code == 200
    assert client.post(page(post.pk), fields(post, text="Forged")).status_code == 403
    assert Revision.objects.count() == 1


def test_what_a_program_wrote_beside_the_form_survives_an_edit(
    sign_in: SignIn, ann: User, make_post: MakePost
) -> None:
    post = make_post("draft", overrides={"twitter": {"text": "Own", "first_comment": "#moss"}})

    sign_in(ann).post(page(post.pk), fields(post, text="After", own_twitter="Own words"))

    post.refresh_from_db()
    assert post.content().overrides == {"twitter": {"text": "Own words", "first_comment": "#moss"}}


def test_after_saving_the_person_is_told(sign_in: SignIn, ann: User, channels: dict[str, Channel]) -> None:
    client = sign_in(ann)

    client.post(ADD, {"title": "Moss", "text": "x", "channels": [channels["twitter"].pk], "_submit": "1"})

    assert "“Moss” waits for approval, as revision 1." in told(client)
