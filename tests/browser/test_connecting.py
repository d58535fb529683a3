"""Publer connected by a permission, as an operator does it: away to the authorization server and back."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.test_first_post import sign_in
from tests.browsing import NewPage, assert_accessible
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGE = "/admin/integrations/connection/"
CLIENT_SECRET = "planted-client-secret-7f3a"


@pytest.fixture
def unconnected(new_stack: Callable[..., Stack]) -> Stack:
    """Everything runs; nothing lets HotDash in yet."""
    return new_stack().unconnected(CLIENT_SECRET).up()


@pytest.fixture
def olga(unconnected: Stack, new_page: NewPage) -> Iterator[Page]:
    password = unconnected.staff("olga", "Author", "Operator")
    page = new_page(viewport={"width": 1440, "height": 900})
    visited: list[str] = []
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    sign_in(page, unconnected, "olga", password)
    yield page
    assert not [url for url in visited if "code=" in url], "an address with a code was kept"


def connect(page: Page, stack: Stack, button: str = "Connect", answer: str = "Allow") -> None:
    page.goto(f"{stack.url}{PAGE}")
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("heading", name="to use this sandbox?")).to_be_visible()
    page.get_by_role("button", name=answer).click()
    page.wait_for_url(f"{stack.url}{PAGE}")


def press_test_until(page: Page, stack: Stack, words: str) -> None:
    """Press Test; the first call finds out that a token does not hold any more, the next one renews it."""
    page.goto(f"{stack.url}{PAGE}")
    for _ in range(3):
        page.locator("#hd-publer").get_by_role("button", name="Test").click()
        page.wait_for_load_state()
        if page.get_by_text(words).count():
            return
    raise AssertionError(f"never said: {words}")


def granted(stack: Stack) -> list[str]:
    """Every token that the sandbox has ever granted."""
    with sqlite3.connect(stack.folder / "sandbox.sqlite3") as database:
        rows = database.execute("SELECT access, renewal FROM tokens").fetchall()
    return [token for row in rows for token in row if token]


def test_connect_use_renew_lose_and_connect_again(unconnected: Stack, olga: Page, new_page: NewPage) -> None:
    stack, page = unconnected, olga

    connect(page, stack, answer="Refuse")
    expect(page.get_by_text("Refused at Publer. Nothing was changed.")).to_be_visible()

    connect(page, stack)
    expect(page.get_by_text("Connected to").first).to_be_visible()
    channels = stack.shell("print(sorted(Channel.objects.values_list('pk', 'account_id', 'active')))")
    assert "True" in channels

    # used: an approved post goes out with the granted token
    bobs = stack.staff("bob", "Approver")
    page.goto(f"{stack.url}/admin/social/post/add/")
    page.locator("[name=title]").fill("Bowls that nest")
    page.locator("label", has_text="Facebook").first.click()
    page.locator("[name=text]").fill("Three bowls, one shelf.")
    page.locator("[name=_submit]").click()
    bob = new_page(viewport={"width": 1440, "height": 900})
    sign_in(bob, stack, "bob", bobs)
    bob.goto(f"{stack.url}/admin/social/post/")
    bob.get_by_role("link", name="Bowls that nest").first.click()
    bob.get_by_role("button", name="Approve").click()
    stack.wait_until(lambda: len(stack.sandbox("/sandbox/posts")) == 1, 20, "the post is sent")

    # renewed: by hand, and by whoever notices that a token does not hold any more
    page.goto(f"{stack.url}{PAGE}")
    before = granted(stack)
    page.get_by_role("button", name="Renew").click()
    expect(page.get_by_text("Renewed: holds until")).to_be_visible()
    assert len(granted(stack)) > len(before)
    stack.sandbox("/sandbox/permissions", {"end": True})
    press_test_until(page, stack, "Publer answered in")

    # lost: the permission is taken back over there
    stack.sandbox("/sandbox/permissions", {"revoke": True})
    press_test_until(page, stack, "Publer took back its permission.")
    expect(page.locator("#hd-publer").get_by_text("Taken back", exact=True)).to_be_visible()
    page.goto(f"{stack.url}/admin/")
    expect(page.get_by_text("Publishing waits.")).to_be_visible()
    expect(page.get_by_role("heading", name="Connections")).to_be_visible()

    # connected again: the same accounts, the same history
    connect(page, stack, button="Connect again")
    expect(page.locator("#hd-publer").get_by_text("Connected", exact=True)).to_be_visible()
    again = "print(sorted(Channel.objects.values_list('pk', 'account_id', 'active')))"
    assert stack.shell(again) == channels
    assert len(stack.sandbox("/sandbox/posts")) == 1

    # taken back from here
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("the permission is taken back there")).to_be_visible()
    with sqlite3.connect(stack.folder / "sandbox.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM tokens WHERE NOT revoked").fetchone() == (0,)

    secrets = [*granted(stack), CLIENT_SECRET]
    assert len(secrets) > 6
    said = "".join(stack.logs().values()) + page.content()
    dump = stack.manage("dumpdata", "--natural-foreign") + stack.shell(
        "from django.contrib.sessions.models import Session\n"
        "print([session.get_decoded() for session in Session.objects.all()])"
    )
    for secret in secrets:
        assert secret not in said
        assert secret not in dump


def question(page: Page, stack: Stack) -> str:
    """Press Connect; the address of the question over there, which stays open."""
    page.goto(f"{stack.url}{PAGE}")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("heading", name="to use this sandbox?")).to_be_visible()
    return page.url


def allowed(address: str) -> str:
    """Allow it; the way back that a browser would be sent."""
    answer = requests.post(address, {"answer": "allow"}, allow_redirects=False, timeout=10)
    return str(answer.headers["Location"])


def changed(address: str, **query: str) -> str:
    url = urlsplit(address)
    return urlunsplit(url._replace(query=urlencode(dict(parse_qsl(url.query)) | query)))


def test_a_stolen_state_a_repeated_code_and_a_wrong_verifier_are_refused(
    unconnected: Stack, olga: Page, new_page: NewPage
) -> None:
    stack, page = unconnected, olga
    rita = new_page(viewport={"width": 1440, "height": 900})
    sign_in(rita, stack, "rita", stack.staff("rita", "Operator"))

    # Somebody else's answer, where nothing was asked, and where something was.
    page.goto(allowed(question(rita, stack)))
    expect(page.get_by_text("was not asked for here")).to_be_visible()
    stolen = allowed(question(rita, stack))
    question(page, stack)
    page.goto(stolen)
    expect(page.get_by_text("belongs to another question than the one asked here")).to_be_visible()

    # A code for another verifier than the one that is kept here.
    page.goto(allowed(changed(question(page, stack), code_challenge="A" * 43)))
    expect(page.get_by_text("Publer did not accept its own answer")).to_be_visible()
    assert granted(stack) == []

    # A code that was used: as it came, and with the state of a new question.
    used = allowed(question(page, stack))
    page.goto(used)
    expect(page.get_by_text("Connected to").first).to_be_visible()
    page.goto(used)
    expect(page.get_by_text("This answer was used before")).to_be_visible()
    page.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    state = parse_qs(urlsplit(question(page, stack)).query)["state"][0]
    page.goto(changed(used, state=state))
    expect(page.get_by_text("Publer did not accept its own answer")).to_be_visible()
    assert len(granted(stack)) == 2
    assert (
        stack.shell("from integrations.credentials import Credential\nprint(Credential.objects.count())")
        == "0"
    )


def test_who_is_let_in_to_several_workspaces_chooses_one(
    new_stack: Callable[..., Stack], new_page: NewPage
) -> None:
    stack = new_stack().unconnected(CLIENT_SECRET)
    stack.more["sandbox"] = ("--workspaces", "2")
    stack.up("valkey", "sandbox", "web")
    password = stack.staff("olga", "Operator")
    looks: list[tuple[int, Literal["light", "dark"]]] = [
        (1440, "light"),
        (1440, "dark"),
        (390, "light"),
        (390, "dark"),
    ]
    for width, scheme in looks:
        page = new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        sign_in(page, stack, "olga", password)
        page.goto(f"{stack.url}{PAGE}")
        page.get_by_role("link", name="Use a key").click()
        page.get_by_label("Key", exact=True).fill("planted-key-51c9e2")
        page.get_by_role("button", name="Try and keep it").click()
        expect(page.get_by_role("heading", name="Which workspace is HotDash to work in?")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Leave it as it is").click()
        expect(page.get_by_text("Nothing was changed.")).to_be_visible()
    question(page, stack)
    page.get_by_role("button", name="Allow").click()
    page.get_by_label("Kiln & Linen 2").check()
    page.get_by_role("button", name="Connect this one").press("Enter")
    expect(page.get_by_text("Connected to Kiln & Linen 2: 0 accounts.")).to_be_visible()
    assert "planted-key-51c9e2" not in "".join(stack.logs().values())


def test_a_key_is_tried_kept_encrypted_and_never_shown_again(unconnected: Stack, olga: Page) -> None:
    page = olga
    page.goto(f"{unconnected.url}{PAGE}")
    page.get_by_role("link", name="Use a key").click()
    page.get_by_label("Key", exact=True).fill("planted-key-51c9e2")
    page.get_by_role("button", name="Try and keep it").click()
    expect(page.get_by_text("Connected to").first).to_be_visible()
    page.get_by_role("link", name="Replace key").click()
    assert page.get_by_label("Key", exact=True).input_value() == ""
    assert "planted-key-51c9e2" not in page.content()
    assert "planted-key-51c9e2" not in unconnected.manage("dumpdata")
    assert "planted-key-51c9e2" not in "".join(unconnected.logs().values())
