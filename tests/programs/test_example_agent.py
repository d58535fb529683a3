"""The example agent, before a real HotDash: a person corrects it once, and need not do so twice."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browsing import NewPage
from tests.environment import ROOT
from tests.stack import Stack


def run(stack: Stack, secret: str, *arguments: str) -> str:
    environment = {"HOTDASH_URL": stack.url, "HOTDASH_TOKEN": secret, "PATH": os.defpath, "NO_PROXY": "*"}
    agent = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "agent.py"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert agent.returncode == 0, agent.stderr
    return agent.stdout


@pytest.mark.browser
@pytest.mark.slow
def test_it_proposes_is_corrected_by_a_person_and_keeps_to_the_correction(
    new_stack: Callable[..., Stack], new_page: NewPage
) -> None:
    stack = new_stack().up("valkey", "sandbox", "web")
    stack.staff("ann", "Author")
    password = stack.staff("bob", "Approver")
    scopes = ("--scope", "posts:read", "--scope", "posts:write")
    secret = stack.manage("create_api_token", "--user", "ann", "--name", "shop-agent", *scopes).strip()
    assert run(stack, secret, "Moss dinner set", "48") == (
        "proposed 1: The Moss dinner set is back. Each plate is €48 and made to order.\n"
    )

    page = new_page()
    page.goto(f"{stack.url}/admin/login/")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.goto(f"{stack.url}/admin/social/post/1/change/")
    page.locator("[name=text]").fill("The Moss dinner set is back. Each plate is €52 and made to order.")
    page.locator("[name=_continue], [name=_save]").first.click()
    expect(page.get_by_text("revision 2").first).to_be_visible()
    page.goto(f"{stack.url}/admin/social/post/1/change/")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved").first).to_be_visible()

    assert run(stack, secret, "Moss dinner set", "48") == (
        "proposed 2: The Moss dinner set is back. Each plate is €52 and made to order.\n"
    )
