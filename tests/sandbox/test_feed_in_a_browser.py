"""The feed as somebody watches it."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.sandbox.caller import Caller

pytestmark = pytest.mark.browser


def test_a_new_post_appears_by_itself_and_moves_nothing_that_is_being_read(page: Any, caller: Caller) -> None:
    page.set_viewport_size({"width": 1440, "height": 500})
    for number in range(6):
        caller.publish(f"post {number}\n\n\n", "twitter")
    page.goto(f"{caller.url}/sandbox/")
    column = page.locator(f"#c-{caller.accounts['twitter']}")
    column.evaluate("column => { column.scrollTop = 300 }")
    read = column.get_by_text("post 2")
    before = read.bounding_box()["y"]
    caller.publish("brand new", "twitter", "bluesky")
    expect(page.locator("[data-fact=published]")).to_have_text("8")
    expect(column.get_by_text("brand new")).to_have_count(1)
    assert abs(read.bounding_box()["y"] - before) < 1  # a browser scrolls by whole pixels
    column.get_by_role("button", name="1 new").click()
    expect(column.get_by_text("brand new")).to_be_in_viewport()
    expect(column.get_by_text("just in").first).to_be_visible()


def test_a_person_lets_an_answer_be_lost_and_takes_it_back(page: Any, caller: Caller) -> None:
    page.goto(f"{caller.url}/sandbox/")
    page.get_by_text("Make Publer misbehave").first.click()
    page.get_by_label("When a post is sent").select_option("Lose the answer, though the post was taken")
    page.get_by_role("button", name="Let it happen").click()
    strip = page.locator("#strip")
    expect(strip).to_contain_text("lose the answer, though the post was taken, once")
    assert caller.sandbox.faults.take("write").mode == "lose_after"
    expect(strip).to_be_empty()


def test_emptying_asks_first(page: Any, caller: Caller) -> None:
    caller.publish("x")
    page.goto(f"{caller.url}/sandbox/")
    page.get_by_text("Empty the feed").first.click()
    assert len(caller.posts()) == 1
    page.get_by_role("button", name="Empty the feed").click()
    expect(page.get_by_text("Nothing is public yet")).to_be_visible()
    assert caller.posts() == []


def test_posts_are_shown_without_javascript(new_page: Any, caller: Caller) -> None:
    caller.publish("Seen all the same", "mastodon")
    page = new_page(java_script_enabled=False)
    page.goto(f"{caller.url}/sandbox/")
    expect(page.get_by_text("Seen all the same")).to_be_visible()


def test_on_a_phone_one_column_fills_the_screen_and_nothing_overflows(new_page: Any, caller: Caller) -> None:
    caller.publish("x" * 200, "twitter")
    page = new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{caller.url}/sandbox/")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    box = page.locator(".col").first.bounding_box()
    assert 340 < box["width"] < 390
