"""The desk as people use it: by keys alone, by thumb, two at once, and with a change of mind."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_post import sign_in
from tests.browsing import NewPage, assert_accessible_in_both_themes
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DESK = "/admin/social/post/review/"
PROPOSE = """
from datetime import timedelta
from django.contrib.auth.models import User
from social import clock, workflow
who = workflow.Actor(User.objects.get(username="{by}"))
channels = list(Channel.objects.filter(network__in=["twitter", "facebook"]))
for number in range({number}):
    at = clock.now() + timedelta(days={day}, minutes=number) if {timed} else None
    content = workflow.Content(text=f"{name} {{number}}.", channels=channels, scheduled_at=at)
    workflow.submit(workflow.create(who, content, title=f"{name} {{number}}").pk, who)
"""
STATES = (
    "from collections import Counter\nprint(dict(Counter(Post.objects.values_list('status', flat=True))))"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, dict[str, str]]]:
    """Somebody can look and decide, nothing is sent meanwhile; the passwords of its people."""
    people = {"ann": ("Author",), "bob": ("Author", "Approver"), "carla": ("Approver",)}
    with Stack(tmp_path_factory.mktemp("desk") / "stack") as stack:
        stack.up("valkey", "sandbox", "web")
        yield stack, {name: stack.staff(name, *groups) for name, groups in people.items()}


@pytest.fixture
def shop(running: tuple[Stack, dict[str, str]]) -> Stack:
    """The same, with an empty desk."""
    stack, _ = running
    stack.shell("Post.objects.filter(status='pending').update(status='draft')")
    return stack


@pytest.fixture
def at_the_desk(running: tuple[Stack, dict[str, str]], new_page: NewPage) -> Callable[..., Page]:
    """`at_the_desk(name, **options)`: a page of this person."""

    def signed_in(name: str, **options: Any) -> Page:
        stack, passwords = running
        page = new_page(**{"viewport": {"width": 1440, "height": 900}, **options})
        sign_in(page, stack, name, passwords[name])
        page.goto(f"{stack.url}{DESK}")
        return page

    return signed_in


def propose(
    shop: Stack, number: int, name: str, *, by: str = "ann", timed: bool = True, day: int = 2
) -> None:
    """For a day of their own, so that no network's day is full."""
    shop.shell(PROPOSE.format(by=by, number=number, name=name, timed=timed, day=day))


def states(shop: Stack, name: str) -> str:
    """How many of these posts are in which state."""
    found = f"Post.objects.filter(title__startswith={name!r}).values_list('status', flat=True)"
    return shop.shell(f"from collections import Counter\nprint(dict(Counter({found})))")


def shown(page: Page) -> str:
    """The post on the desk, once its keys are live; "" where the desk is empty."""
    ready = page.locator("#hd-desk[data-ready]")
    expect(ready).to_have_count(1)
    return ready.get_attribute("data-post") or ""


def after(page: Page, post: str) -> str:
    """The one that took its place."""
    expect(page.locator(f"#hd-desk[data-ready]:not([data-post='{post}'])")).to_have_count(1)
    return shown(page)


def test_forty_proposals_are_decided_by_keys_alone_without_loading_a_page(
    shop: Stack, at_the_desk: Callable[..., Page]
) -> None:
    propose(shop, 40, "Keys")
    page = at_the_desk("bob")
    loaded: list[str] = []
    page.on("load", lambda page: loaded.append(page.url))

    post, seen = shown(page), set()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys of the desk")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert after(page, post) != post
    page.keyboard.press("k")
    expect(page.locator(f"#hd-desk[data-ready][data-post='{post}']")).to_have_count(1)
    for number in range(40):
        assert post not in seen
        seen.add(post)
        if number % 8 == 7:
            page.keyboard.press("r")
            page.keyboard.type("Two of these are one too many.")
            page.keyboard.press("Control+Enter")
        else:
            page.keyboard.press("a")
        post = after(page, post)

    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_focused()
    assert states(shop, "Keys") == "{'approved': 35, 'rejected': 5}"
    assert loaded == []


def test_forty_proposals_are_decided_by_thumb(shop: Stack, at_the_desk: Callable[..., Page]) -> None:
    propose(shop, 40, "Thumb", day=5)
    page = at_the_desk("bob", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    post = shown(page)
    for number in range(40):
        if number % 8 == 7:
            page.locator(".hd-rej summary").tap()
            page.locator(".hd-chip", has_text="Tone").tap()
            page.get_by_role("button", name="Reject revision 1").tap()
        else:
            button = page.get_by_role("button", name="Approve")
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 48
            assert box["y"] > 844 * 0.7  # where the thumb is
            button.tap()
        post = after(page, post)
    assert states(shop, "Thumb") == "{'approved': 35, 'rejected': 5}"
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_a_rejection_comes_back_two_decide_at_once_and_nothing_stale_or_own_is_approved(
    shop: Stack, at_the_desk: Callable[..., Page], page_errors: list[str]
) -> None:
    propose(shop, 2, "Two", day=8)
    bob, carla = at_the_desk("bob"), at_the_desk("carla")
    first = shown(bob)

    # Rejected with a reason, it comes back to its author, is written anew and asked for again.
    bob.keyboard.press("r")
    bob.get_by_label("Fact is wrong").check()
    bob.get_by_label("Why not?").fill("The plate is €52.")
    bob.get_by_label("Ask for it again, with changes").check()
    bob.get_by_role("button", name="Reject revision 1").click()
    second = after(bob, first)
    ann = at_the_desk("ann")  # who has none: the page says so
    page_errors.clear()
    ann.goto(f"{shop.url}/admin/social/post/{first}/change/")
    expect(ann.get_by_text("Fact is wrong: The plate is €52.").first).to_be_visible()
    ann.locator("[name=text]").fill("Piece 0 is 52 euros.")
    ann.locator("[name=_submit]").click()
    expect(ann.get_by_text("Waiting for approval").first).to_be_visible()

    # Carla still has the page of before: it approves nothing, and shows what is there now.
    carla.keyboard.press("a")
    expect(carla.get_by_role("alert")).to_contain_text("It was changed after your page was drawn")
    expect(carla.get_by_role("alert")).to_be_focused()
    expect(carla.get_by_role("heading", name="Changed since revision 1")).to_be_visible()
    assert_accessible_in_both_themes(carla)
    carla.keyboard.press("a")
    expect(carla.locator(f"#hd-desk[data-ready][data-post='{second}']")).to_have_count(1)

    # Both look at the second; Carla is first, and Bob is told so.
    carla.keyboard.press("a")
    after(carla, second)
    bob.keyboard.press("a")
    expect(bob.get_by_role("alert")).to_contain_text(re.compile(r"carla approved it at \d\d:\d\d"))
    assert states(shop, "Two") == "{'approved': 2}"
    assert shop.shell(f"print(Approval.objects.filter(post__in=[{first}, {second}]).count())") == "3"

    # His own he does not approve, by keys or by a form that he makes himself.
    propose(shop, 1, "Own", by="bob", day=14)
    own = shop.shell("print(Post.objects.get(title='Own 0').pk)")
    bob.goto(f"{shop.url}{DESK}?post={own}")
    assert shown(bob) == own
    bob.keyboard.press("a")
    expect(bob.get_by_text("Needs a second person").first).to_be_visible()
    answered = bob.evaluate(
        """async ([post, hash]) => {
          const form = new FormData();
          const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
          form.set("post", post); form.set("do", "approve"); form.set("shown_hash", hash);
          form.set("csrfmiddlewaretoken", token);
          return (await fetch(location.pathname, { method: "POST", body: form })).status;
        }""",
        [own, shop.shell(f"print(Post.objects.get(pk={own}).revision.content_hash)")],
    )
    assert answered == 409
    page_errors.clear()  # the browser itself complains of that answer
    assert shop.shell(f"print(Post.objects.get(pk={own}).status)") == "pending"


def test_what_is_undone_in_its_ten_seconds_reaches_nobody(
    new_stack: Callable[..., Stack], new_page: NewPage
) -> None:
    shop = new_stack().up()
    shop.staff("ann", "Author")
    propose(shop, 2, "Piece", timed=False)
    page = new_page(viewport={"width": 1440, "height": 900})
    sign_in(page, shop, "bob", shop.staff("bob", "Approver"))
    page.goto(f"{shop.url}{DESK}")
    first = shown(page)
    page.keyboard.press("a")
    second = after(page, first)
    page.keyboard.press("u")
    expect(page.locator(f"#hd-desk[data-ready][data-post='{first}']")).to_have_count(1)
    expect(page.get_by_text("Nothing of it went out").first).to_be_visible()
    page.keyboard.press("j")
    assert after(page, first) == second
    page.keyboard.press("a")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()

    shop.wait_until(lambda: len(shop.sandbox("/sandbox/posts")) == 2, 60, "the one that stood is out")

    assert {post["text"] for post in shop.sandbox("/sandbox/posts")} == {"Piece 1."}
    expect(undo).to_have_count(0)
    assert shop.shell(f"print(Post.objects.get(pk={first}).status)") == "pending"


@pytest.mark.parametrize("width", [1440, 390])
def test_the_desk_full_and_empty_can_be_used_by_everybody(
    shop: Stack, at_the_desk: Callable[..., Page], width: int
) -> None:
    propose(shop, 3, "Looked at", day=11)
    page = at_the_desk("carla", viewport={"width": width, "height": 844})
    shown(page)
    assert_accessible_in_both_themes(page)
    page.locator(".hd-rej summary").click()
    expect(page.get_by_label("Why not?")).to_be_focused()
    assert_accessible_in_both_themes(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert_accessible_in_both_themes(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    shop.shell("Post.objects.filter(status='pending').update(status='draft')")
    page.goto(f"{shop.url}{DESK}")
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    assert_accessible_in_both_themes(page)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_list_tells_what_many_approvals_would_do_before_they_are_given(
    shop: Stack, at_the_desk: Callable[..., Page], width: int
) -> None:
    name = f"By the list at {width}"
    propose(shop, 3, name, day=14 + width % 7)
    propose(shop, 1, f"Own at {width}", by="bob", day=14 + width % 7)
    page = at_the_desk("bob", viewport={"width": width, "height": 844})
    page.goto(f"{shop.url}/admin/social/post/?q=at+{width}")
    for box in page.locator("input.action-select").all():
        box.check()
    page.get_by_role("button", name="Approve", exact=True).click()
    dialog = page.get_by_role("dialog", name="Approve: 4 posts?")
    expect(dialog.get_by_role("button", name="Approve: 3")).to_be_enabled()
    expect(dialog.get_by_text("8 posts in")).to_have_count(0)
    expect(dialog.get_by_text("6 posts in 1 call")).to_be_visible()
    expect(dialog.get_by_text("Needs a second person: you wrote this post")).to_be_visible()
    assert_accessible_in_both_themes(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0

    page.keyboard.press("Escape")
    assert states(shop, name) == "{'pending': 3}"

    page.get_by_role("button", name="Approve", exact=True).click()
    dialog.get_by_role("button", name="Approve: 3").click()
    expect(page.get_by_text("3 posts approved.")).to_be_visible()
    assert states(shop, name) == "{'approved': 3}"
