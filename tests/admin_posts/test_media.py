"""Pictures come from their own addresses: to staff alone, as pictures and nothing else."""

import io

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from social import pictures
from social.models import Media
from tests.admin_posts.made import SignIn

pytestmark = pytest.mark.django_db


@pytest.fixture
def media(ann: User) -> Media:
    out = io.BytesIO()
    Image.new("RGB", (640, 400), (90, 120, 60)).save(out, "PNG")
    return pictures.keep(out.getvalue(), "moss.png", ann)


def address(media: Media, thumbnail: bool = False) -> str:
    return f"/admin/social/media/{media.sha256}/" + ("thumbnail/" if thumbnail else "")


def test_staff_see_a_picture_and_its_thumbnail(sign_in: SignIn, ann: User, media: Media) -> None:
    client = sign_in(ann)

    whole, small = client.get(address(media)), client.get(address(media, thumbnail=True))

    assert (whole["Content-Type"], small["Content-Type"]) == ("image/png", "image/webp")
    with Image.open(io.BytesIO(whole.content)) as image:
        assert image.size == (640, 400)
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.size == (320, 200)


def test_a_picture_is_a_picture_and_is_kept_by_the_browser(sign_in: SignIn, ann: User, media: Media) -> None:
    client = sign_in(ann)

    answer = client.get(address(media))
    again = client.get(address(media), headers={"If-None-Match": answer["ETag"]})

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert (again.status_code, again.content) == (304, b"")


def test_nobody_else_sees_it(sign_in: SignIn, nobody: User, media: Media) -> None:
    assert Client().get(address(media)).status_code == 302
    assert sign_in(nobody).get(address(media)).status_code == 403
    assert sign_in(nobody).get(address(media, thumbnail=True)).status_code == 403


def test_there_is_nothing_else_under_that_address(sign_in: SignIn, ann: User, media: Media) -> None:
    client = sign_in(ann)

    assert client.get("/admin/social/media/" + "0" * 64 + "/").status_code == 404
    assert client.post(address(media)).status_code == 405
    assert client.get("/admin/social/media/").status_code == 404
