"""Uploaded files."""

import requests

from tests.sandbox.caller import Caller, job_id, png


def test_a_picture_comes_back_byte_for_byte_with_its_size(caller: Caller) -> None:
    media = caller.upload(png())
    assert (media["type"], media["width"], media["height"]) == ("photo", 3, 2)
    answer = requests.get(media["path"], timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (png(), "image/png")


def test_line_ends_and_dashes_in_a_file_survive_the_form(caller: Caller) -> None:
    content = bytes(range(256)) + b"\r\n--\r\n\n\r" + b"--boundary\r\n"
    media = caller.upload(content, "odd.bin", "application/octet-stream")
    assert requests.get(media["path"], timeout=10).content == content


def test_what_is_no_picture_is_never_served_as_a_page(caller: Caller) -> None:
    media = caller.upload(b"<script>alert(1)</script>", "page.html", "text/html")
    answer = requests.get(media["path"], timeout=10)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_post_shows_the_pictures_that_it_names(caller: Caller) -> None:
    media = caller.upload(png())
    caller.publish(
        "With a picture", "instagram", type="photo", media=[{"id": media["id"], "alt_text": "Bowls"}]
    )
    page = caller.session.get(f"{caller.url}/sandbox/", timeout=10).text
    assert f'<img src="/media/{media["id"]}" alt="Bowls"' in page


def test_a_post_with_an_unknown_picture_fails(caller: Caller) -> None:
    job = caller.publish("x", "twitter", type="photo", media=[{"id": "none"}])
    assert caller.failures(job) == ["Media was not found"]


def test_a_picture_is_fetched_from_an_address(caller: Caller) -> None:
    source = caller.upload(png())["path"]
    job = job_id(
        caller("POST", "/media/from-url", json={"type": "single", "media": [{"url": source, "name": "a"}]})
    )
    caller.sandbox.publisher.work()
    [media] = caller("GET", f"/job_status/{job}").json()["payload"]
    assert (media["name"], media["width"]) == ("a", 3)
    assert caller("GET", "/media?types[]=photo&used[]=false").json()["total"] == 2


def test_an_address_that_does_not_answer_is_a_failure_in_words(caller: Caller) -> None:
    wanted = [{"url": "http://127.0.0.1:9/a.png", "name": "a.png"}]
    job = job_id(caller("POST", "/media/from-url", json={"type": "single", "media": wanted}))
    caller.sandbox.publisher.work()
    assert caller.failures(job) == ["Could not fetch a.png"]


def test_the_list_of_media_needs_types_and_used(caller: Caller) -> None:
    assert caller("GET", "/media?types[]=photo").status_code == 400
