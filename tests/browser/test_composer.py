"""Writing a post in a real browser: counted, drawn and checked as it is written, and never lost."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_post import PICTURE, sign_in
from tests.browsing import NewPage, assert_accessible
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def compose(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/admin/social/post/add/")
    expect(page.locator("#post_form[data-ready]")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_post_is_counted_drawn_and_brought_back(stack: Stack, new_page: NewPage, width: int) -> None:
    password = stack.staff(f"ann-{width}", "Author")
    page = new_page(viewport={"width": width, "height": 844})
    sign_in(page, stack, f"ann-{width}", password)
    compose(page, stack)

    for name in ("X", "Facebook"):
        page.locator(".hd-tile", has=page.get_by_text(name, exact=True)).first.click()
    page.locator("#id_text").fill("y" * 281)
    page.locator("#hd-tab-twitter").click()
    expect(page.locator("#hd-tab-twitter b")).to_have_text("1 over 280")
    expect(page.locator("#hd-stops")).to_contain_text("X is 1 over")
    page.locator("#hd-own-twitter").get_by_role("button", name="Write its own text").click()
    assert page.locator("#id_own_twitter").input_value() == "y" * 281
    page.locator("#id_own_twitter").fill("Three bowls, one shelf.")
    expect(page.locator("#hd-tab-twitter b")).to_have_text("23 of 280")
    page.locator("[name=pictures]").set_input_files(PICTURE)
    expect(page.locator(".hd-pics input[name=media]")).not_to_have_value("new:0")
    if width == 390:
        page.locator("[data-hd-see=preview]").click()
    drawn = page.locator("[data-hd-preview=twitter]")
    expect(drawn).to_contain_text("Three bowls, one shelf.")
    expect(drawn.locator(".hd-pv-shots img")).to_have_count(1)
    if width == 390:
        page.locator("[data-hd-see=checks]").click()
    expect(page.locator(".hd-checks")).to_contain_text("Picture 1 has no alt text")
    assert_accessible(page)

    page.on("dialog", lambda dialog: dialog.accept())
    compose(page, stack)
    expect(page.locator("#hd-kept")).to_contain_text("is back")
    assert page.locator("#id_own_twitter").input_value() == "Three bowls, one shelf."
    page.locator("[name=_save]").click()
    expect(page.get_by_text("is saved as a draft").first).to_be_visible()
    compose(page, stack)
    expect(page.locator("#hd-kept")).to_be_hidden()
    assert page.locator("#id_text").input_value() == ""


def test_a_channels_hashtags_and_its_next_slot_are_offered(stack: Stack, new_page: NewPage) -> None:
    password = stack.staff("tagger", "Author")
    stack.shell(
        "Channel.objects.filter(network='twitter')"
        ".update(default_tags='#stoneware #linen', slots=[['09:00']] * 7)"
    )
    page = new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, stack, "tagger", password)
    compose(page, stack)
    page.locator(".hd-tile", has=page.get_by_text("X", exact=True)).first.click()
    page.locator("#id_text").fill("Three bowls #Linen")

    page.get_by_role("button", name="Add #stoneware", exact=True).click()
    expect(page.locator("#id_text")).to_have_value("Three bowls #Linen #stoneware")
    expect(page.locator("#hd-own-twitter [data-hd-tags]")).to_be_hidden()

    page.locator(".hd-tile", has=page.get_by_text("Facebook", exact=True)).first.click()
    page.locator("#id_text").fill("One shelf.")
    page.get_by_role("button", name="Add #stoneware #linen", exact=True).click()
    expect(page.locator("#id_own_twitter")).to_have_value("One shelf.\n\n#stoneware #linen")
    expect(page.locator("#id_text")).to_have_value("One shelf.")
    page.locator("#hd-tab-facebook").click()
    expect(page.locator("#hd-own-facebook [data-hd-tags]")).to_be_hidden()

    page.get_by_role("button", name="Next free slot, ").click()
    expect(page.locator("#id_scheduled_at")).to_have_value(re.compile(r"^20\d\d-\d\d-\d\dT\d\d:00$"))
    expect(page.locator("#hd-slot")).to_be_hidden()
