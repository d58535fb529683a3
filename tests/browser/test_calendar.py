"""The calendar by mouse, by keys alone, and by thumb; the page of channels beside it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_post import sign_in
from tests.browsing import NewPage, assert_accessible_in_both_themes
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# What a shop's people and its browser call noon now, so that no test runs into another day.
NOON_NOW = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
PLANNED = """
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo
from django.conf import settings
from django.contrib.auth.models import User
from social import clock, workflow
ann, bob = (workflow.Actor(User.objects.get(username=name)) for name in ("ann", "bob"))
x, facebook = (Channel.objects.filter(network=network).first() for network in ("twitter", "facebook"))
x.slots = [["18:00"]] * 7
x.save()
today = clock.now().astimezone(ZoneInfo(settings.SHOP_TIME_ZONE)).replace(minute=0, second=0, microsecond=0)
planned = (("Moss is back", 7, 12, True), ("Teal dip", 7, 9, False), ("Linen care", 8, 9, True))
for title, days, hour, approved in planned:
    at = today.replace(hour=hour) + timedelta(days=days)
    content = workflow.Content(text=f"{title}, one slow morning.", channels=[x, facebook], scheduled_at=at)
    post = workflow.submit(workflow.create(ann, content, title=title).pk, ann)
    if approved:
        workflow.approve(post.pk, bob)
"""
CALENDAR = "/admin/social/post/calendar/"


@pytest.fixture
def shop(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack(SHOP_TIME_ZONE=NOON_NOW).up("valkey", "sandbox", "web")


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def planned(shop: Stack, page: Page) -> None:
    shop.staff("ann", "Author")
    password = shop.staff("bob", "Approver", "Operator")
    shop.shell(PLANNED)
    sign_in(page, shop, "bob", password)


def week_of(page: Page, shop: Stack, days: int = 7) -> None:
    """The week in which what was planned stands."""
    day = page.evaluate(f"new Date(Date.now() + {days} * 864e5).toLocaleDateString('en-CA')")
    page.goto(f"{shop.url}{CALENDAR}?week={day}")


def test_a_post_is_dragged_and_moved_by_keys_and_what_it_costs_is_said_before(
    shop: Stack, new_page: NewPage
) -> None:
    page = new_page(viewport={"width": 1440, "height": 900}, timezone_id=NOON_NOW)
    planned(shop, page)
    page.goto(f"{shop.url}/admin/social/channel/")
    expect(page.get_by_text("Every day 18:00")).to_be_visible()
    assert_accessible_in_both_themes(page)
    page.get_by_role("link", name="Set X").click()
    assert_accessible_in_both_themes(page)
    page.goto(f"{shop.url}{CALENDAR}")
    assert_accessible_in_both_themes(page)
    week_of(page, shop)
    fits(page)
    assert_accessible_in_both_themes(page)

    moss = page.locator(".hd-ev", has_text="Moss is back")
    was = moss.get_attribute("data-day")
    # By mouse, to the other end of the week: another day costs a new approval, which the card says.
    days = page.locator(".hd-day")
    there = days.last if days.first.get_attribute("data-date") == was else days.first
    target = there.get_attribute("data-date")
    box = there.bounding_box()
    assert box
    moss.hover()
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 120, steps=8)
    card = page.locator("#hd-dragcard")
    expect(card).to_contain_text("Another day: a new approval, by your press")
    page.mouse.up()
    expect(page.get_by_text(", by an approval of yours.")).to_be_visible()
    expect(page.locator(f".hd-day[data-date='{target}']")).to_contain_text("Moss is back")

    # By keys alone: a proposal that is left, then one that is put there.
    moss.focus()
    way = "ArrowLeft" if target and was and target > was else "ArrowRight"
    page.keyboard.press(f"Alt+{way}")
    expect(card).to_be_visible()
    expect(page.locator("#hd-cal-says")).to_contain_text("Another day")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(page.locator(f".hd-day[data-date='{target}']")).to_contain_text("Moss is back")
    page.keyboard.press(f"Alt+{way}")
    expect(page.locator("#hd-cal-says")).to_contain_text("Another day")
    page.keyboard.press("Enter")
    expect(page.locator(f".hd-day[data-date='{target}']")).not_to_contain_text("Moss is back")
    expect(moss).to_be_focused()

    # Any other time, by M: the first free slot.
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move to another time?")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Next free slot").click()
    expect(dialog.get_by_role("status")).to_contain_text("a new approval, by your press")
    assert_accessible_in_both_themes(page)
    page.keyboard.press("Escape")
    expect(moss).to_be_focused()


def test_a_move_that_somebody_else_made_impossible_puts_the_post_back(
    shop: Stack, new_page: NewPage, page_errors: list[str]
) -> None:
    page = new_page(viewport={"width": 1440, "height": 900}, timezone_id=NOON_NOW)
    planned(shop, page)
    week_of(page, shop)
    dip = page.locator(".hd-ev", has_text="Teal dip")
    shop.shell(
        "from social import workflow; from django.contrib.auth.models import User\n"
        "workflow.withdraw(Post.objects.get(title='Teal dip').pk,"
        " workflow.Actor(User.objects.get(username='ann')))\n"
        "workflow.cancel(Post.objects.get(title='Teal dip').pk,"
        " workflow.Actor(User.objects.get(username='bob')))"
    )
    day = dip.get_attribute("data-day")
    dip.focus()
    page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move to another time?")
    dialog.get_by_label("To when").fill(f"{day}T23:00")
    expect(dialog.get_by_role("status")).to_contain_text("bob cancelled it")
    expect(dialog.get_by_role("button", name="Move", exact=True)).to_have_attribute("aria-disabled", "true")


def test_on_a_phone_a_post_is_moved_by_thumb(shop: Stack, new_page: NewPage) -> None:
    page = new_page(viewport={"width": 390, "height": 844}, has_touch=True, timezone_id=NOON_NOW)
    planned(shop, page)
    page.goto(f"{shop.url}/admin/social/channel/")
    fits(page)
    assert_accessible_in_both_themes(page)
    week_of(page, shop)
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_role("button", name="Move Moss is back to another time").tap()
    dialog = page.get_by_role("dialog", name="Move to another time?")
    dialog.get_by_role("button", name="Next free slot").tap()
    expect(dialog.get_by_role("status")).to_contain_text("18:00")
    assert_accessible_in_both_themes(page)
    dialog.get_by_role("button", name="Move", exact=True).tap()
    expect(page.get_by_text("“Moss is back” moved to")).to_be_visible()
