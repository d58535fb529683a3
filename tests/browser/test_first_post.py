"""The whole way, as people walk it: real processes, a real Chromium, nothing in between."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import NewPage, assert_accessible_in_both_themes
from tests.environment import ROOT
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PICTURE = ROOT / "social" / "demo" / "photos" / "bowls.jpg"


def sign_in(page: Page, stack: Stack, name: str, password: str) -> None:
    page.goto(f"{stack.url}/admin/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_a_post_is_written_approved_by_a_second_person_and_seen_by_the_public_once(
    stack: Stack, new_page: NewPage
) -> None:
    anns, bobs = stack.staff("ann", "Author"), stack.staff("bob", "Approver")

    ann = new_page(viewport={"width": 1440, "height": 900})
    sign_in(ann, stack, "ann", anns)
    expect(ann.get_by_text("nothing here is public").first).to_be_visible()
    ann.get_by_role("link", name="New post").click()
    ann.locator("[name=title]").fill("Bowls that nest")
    ann.locator("label", has_text="Facebook").first.click()
    ann.locator("[name=text]").fill("Three bowls, one shelf.")
    ann.locator("[name=pictures]").set_input_files(PICTURE)
    ann.locator("[name=_submit]").click()
    expect(ann.get_by_text("Waiting for approval").first).to_be_visible()
    assert ann.get_by_role("button", name="Approve").count() == 0

    bob = new_page(viewport={"width": 1440, "height": 900})
    sign_in(bob, stack, "bob", bobs)
    bob.goto(f"{stack.url}/admin/social/post/")
    bob.get_by_role("link", name="Bowls that nest").first.click()
    bob.get_by_role("button", name="Approve").click()

    public = new_page()
    public.goto(f"{stack.sandbox_url}/sandbox/")
    expect(public.get_by_text("Three bowls, one shelf.").first).to_be_visible(timeout=30_000)
    link = bob.locator(f"a[href^='{stack.sandbox_url}/p/']").first
    expect(link).to_be_visible(timeout=30_000)
    address = link.get_attribute("href")
    assert address is not None
    public.goto(address)
    expect(public.get_by_text("Three bowls, one shelf.").first).to_be_visible()
    listed = stack.sandbox("/sandbox/posts")
    assert [(post["text"], post["media"]) for post in listed] == [("Three bowls, one shelf.", 1)]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, str, str]]:
    """A running stack with the demo shop, connected as `script/server` connects it; Bob's password, and the
    first post."""
    with Stack(tmp_path_factory.mktemp("seeded") / "stack").unconnected("a-clients-secret") as stack:
        stack.up("valkey", "sandbox", "web")
        stack.manage("connect_sandbox")
        password = stack.staff("bob", "Author", "Approver", "Operator")
        stack.manage("seed_demo")
        yield stack, password, stack.shell("print(Post.objects.order_by('pk').first().pk)")


@pytest.mark.parametrize("width", [1440, 390])
def test_every_screen_comes_up_without_a_complaint_and_can_be_used_by_everybody(
    seeded: tuple[Stack, str, str], new_page: NewPage, width: int
) -> None:
    stack, password, first = seeded
    page = new_page(viewport={"width": width, "height": 844})
    page.goto(f"{stack.url}/admin/login/")
    assert_accessible_in_both_themes(page)
    sign_in(page, stack, "bob", password)
    for path in (
        "/admin/",
        "/admin/social/post/",
        "/admin/social/post/?status__exact=failed",
        "/admin/social/post/add/",
        f"/admin/social/post/{first}/change/",
        "/admin/social/post/queue/",
        "/admin/integrations/connection/",
        "/admin/integrations/connection/publer/key/",
        "/admin/integrations/connection/publer/pause/",
        "/admin/integrations/connection/publer/disconnect/",
        "/admin/auth/user/",
        "/admin/social/apitoken/",
    ):
        page.goto(f"{stack.url}{path}")
        page.wait_for_load_state("networkidle")
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{path} is {overflow} px wider than the window"
        assert_accessible_in_both_themes(page)
    page.goto(f"{stack.url}/admin/integrations/connection/")
    page.get_by_role("button", name="Connect instead").click()
    expect(page.get_by_role("heading", name="to use this sandbox?")).to_be_visible()
    assert_accessible_in_both_themes(page)
