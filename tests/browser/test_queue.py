"""The queue page in a real Chromium: live while somebody may see it, quiet while nobody does."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_post import sign_in
from tests.browsing import NewPage
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUEUE = "/admin/social/post/queue/"
ALARM = """
from django.utils import timezone
from integrations.notices import Notice
now = timezone.now()
Notice.objects.create(
    kind="silent", about="due", since=now, seen_at=now, told_at=now,
    headline="Silence since {since}: 2 deliveries are due, and none was sent.",
    words="Every process shows signs of life, and nothing explains it.",
)
"""
WELL = """
from datetime import timedelta
from django.utils import timezone
for name in ("beat", "worker", "social.tasks.watch"):
    Heartbeat.objects.create(name=name, at=timezone.now() + timedelta(hours=1))
"""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str]]:
    """A running stack with the demo shop, whose processes say that they are well; the operator's password."""
    with Stack(tmp_path_factory.mktemp("queue") / "stack") as stack:
        stack.up("valkey", "sandbox", "web")
        password = stack.staff("olga", "Operator")
        stack.manage("seed_demo")
        stack.shell(WELL)
        yield stack, password


@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_with_an_alarm_comes_up_without_a_complaint(
    seeded: tuple[Stack, str], new_page: NewPage, width: int
) -> None:
    stack, password = seeded
    stack.shell("from integrations.notices import Notice\nNotice.objects.all().delete()")
    page = new_page(viewport={"width": width, "height": 900})
    sign_in(page, stack, "olga", password)
    page.goto(f"{stack.url}{QUEUE}")
    alarm = page.get_by_role("heading", name="2 deliveries are due, and none was sent.")
    expect(alarm).to_have_count(0)
    stack.shell(ALARM)
    expect(alarm).to_be_visible(timeout=20_000)  # without loading the page again
    expect(page.locator("#hd-queue-says")).to_contain_text("none was sent")
    expect(page.get_by_role("button", name="Look now")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"{overflow} px wider than the window"


def _reads_itself(page: Page) -> None:
    page.evaluate("htmx.trigger(document.getElementById('hd-queue'), 'hd-look')")


def test_a_hidden_tab_asks_for_nothing_and_looks_at_once_when_it_is_shown(
    seeded: tuple[Stack, str], new_page: NewPage
) -> None:
    stack, password = seeded
    page = new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, stack, "olga", password)
    page.goto(f"{stack.url}{QUEUE}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/live/" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    for _ in range(3):
        _reads_itself(page)
    assert asked == []
    with page.expect_response("**/queue/live/"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert len(asked) == 1


def test_the_button_under_the_keyboard_keeps_the_focus_when_the_page_reads_itself(
    seeded: tuple[Stack, str], new_page: NewPage
) -> None:
    stack, password = seeded
    stack.shell("from integrations.notices import Notice\nNotice.objects.all().delete()\n" + ALARM)
    page = new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, stack, "olga", password)
    page.goto(f"{stack.url}{QUEUE}")
    page.locator("#hd-look-now").focus()
    with page.expect_response("**/queue/live/"):
        _reads_itself(page)
    expect(page.locator("#hd-look-now")).to_be_focused()


def test_a_page_that_cannot_read_itself_says_so_once(
    seeded: tuple[Stack, str], new_page: NewPage, page_errors: list[str]
) -> None:
    stack, password = seeded
    page = new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, stack, "olga", password)
    page.goto(f"{stack.url}{QUEUE}")
    page.route("**/queue/live/", lambda route: route.abort())
    for _ in range(3):
        _reads_itself(page)
        expect(page.locator("#hd-queue")).to_have_class("hd-queue hd-old")
    expect(page.locator("#hd-toasts .hd-toast")).to_have_count(1)
    page_errors.clear()  # the browser itself complains of what was aborted
