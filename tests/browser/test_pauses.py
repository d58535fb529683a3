"""Pausing, what comes due meanwhile, and the plan that ends it, as an approver walks it."""

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
ELAPSED = """
from datetime import timedelta
from django.contrib.auth.models import User
from social import clock, workflow
ann, bob = (workflow.Actor(User.objects.get(username=name)) for name in ("ann", "bob"))
x, facebook = (Channel.objects.filter(network=network).first() for network in ("twitter", "facebook"))
due = (("Two mugs", 50, [x, facebook]), ("Wash linen", 35, [x]), ("Teal dip", 20, [x]))
for title, minutes, channels in due:
    at = clock.now() - timedelta(minutes=minutes)
    content = workflow.Content(text=f"{title}, one slow morning.", channels=channels, scheduled_at=at)
    post = workflow.submit(workflow.create(ann, content, title=title).pk, ann)
    workflow.approve(post.pk, bob)
"""


@pytest.fixture
def shop(new_stack: Callable[..., Stack]) -> Stack:
    """Somebody can look and press; nothing is sent meanwhile."""
    stack = new_stack(SHOP_TIME_ZONE=NOON_NOW).up("valkey", "sandbox", "web")
    stack.staff("ann", "Author")
    return stack


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def choose(page: Page, title: str, do: str) -> None:
    page.get_by_role("radiogroup", name=title).get_by_role("radio", name=do).check()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_pause_what_came_due_in_it_and_the_plan_that_ends_it(
    shop: Stack, new_page: NewPage, width: int
) -> None:
    password = shop.staff("bob", "Approver", "Operator")
    page = new_page(viewport={"width": width, "height": 844}, timezone_id=NOON_NOW)
    sign_in(page, shop, "bob", password)

    page.get_by_role("switch", name="Publishing: pause it, with a reason").click()
    page.get_by_label("Why").fill("new price list")
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_role("button", name="Pause publishing").click()
    expect(page.get_by_text("Publishing is paused.")).to_be_visible()
    shop.shell(ELAPSED)

    page.get_by_role("switch", name="Publishing: switch it on").click()
    page.wait_for_url(f"{shop.url}/admin/social/post/resume/")
    expect(page.get_by_role("heading", name="3 posts came due in the pause")).to_be_visible()
    button = page.locator("#hd-sum")
    expect(button).to_have_text("Send 3")
    expect(page.get_by_role("img", name="X: ").locator("rect")).to_have_count(3)
    fits(page)

    choose(page, "Wash linen", "Move")
    expect(button).to_have_text("Send 2, move 1")
    choose(page, "Teal dip", "Drop")
    expect(button).to_have_text("Send 1, move 1, drop 1")
    expect(page.get_by_role("img", name="X: ").locator("rect")).to_have_count(1)
    expect(page.get_by_text("asks for a new approval, given by your press")).to_be_visible()
    soon = page.get_by_label("To when")
    day, time = soon.input_value().split("T")
    soon.fill(f"{day}T00:0{time[-1]}")
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_role("radio", name="Send", checked=True).press("ArrowRight")  # and back, by the keyboard
    expect(button).to_have_text("Move 2, drop 1")
    page.get_by_role("radiogroup", name="Two mugs").get_by_role("radio", name="Move").press("ArrowLeft")
    expect(button).to_have_text("Send 1, move 1, drop 1")
    button.click()

    expect(
        page.get_by_text("1 moved, 1 dropped. 1 of them by your approval. Publishing goes on.")
    ).to_be_visible()
    expect(page.get_by_role("heading", name="Publishing is on")).to_be_visible()
    told = shop.shell("print(sorted(Post.objects.values_list('title', 'status')))")
    assert told == "[('Teal dip', 'cancelled'), ('Two mugs', 'approved'), ('Wash linen', 'approved')]"


def test_a_channel_is_paused_and_resumed_on_the_integrations_page(shop: Stack, new_page: NewPage) -> None:
    password = shop.staff("bob", "Approver", "Operator")
    page = new_page(viewport={"width": 390, "height": 844}, timezone_id=NOON_NOW)
    sign_in(page, shop, "bob", password)
    page.goto(f"{shop.url}/admin/integrations/connection/")
    name = shop.shell("print(Channel.objects.filter(network='twitter').first())")
    page.get_by_role("link", name=f"Pause {name}", exact=True).click()
    page.get_by_label("Why").fill("new price list")
    page.get_by_label("Until").fill("2199-01-01T12:00")
    page.get_by_role("button", name="Pause X").click()
    expect(page.get_by_text(f"{name} is paused").first).to_be_visible()
    expect(page.get_by_text("until 1 Jan 2199, 12:00").first).to_be_visible()
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_role("button", name=f"Resume {name}").click()
    expect(page.get_by_text(f"{name} goes on.")).to_be_visible()
    expect(page.get_by_role("link", name=f"Pause {name}")).to_be_visible()
