"""The audit trail and the import of drafts, looked over in both themes and widths."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.test_calendar import fits
from tests.browser.test_first_post import sign_in
from tests.browsing import NewPage, assert_accessible_in_both_themes
from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("width", [1440, 390])
def test_drafts_are_imported_and_the_trail_tells_of_it(
    new_stack: Callable[..., Stack],
    new_page: NewPage,
    page_errors: list[str],
    tmp_path: Path,
    width: int,
) -> None:
    stack = new_stack().up("valkey", "sandbox", "web")
    password = stack.staff("ann", "Author")
    page = new_page(viewport={"width": width, "height": 844})
    sign_in(page, stack, "ann", password)
    file = tmp_path / "plan.csv"
    file.write_text("title,text,channels\nMoss,Moss is back.,facebook\nTeal,Teal dip.,nowhere\n")

    page.goto(f"{stack.url}/admin/social/post/import/")
    assert_accessible_in_both_themes(page)
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("“nowhere” is no connected channel.")).to_be_visible()
    page_errors.clear()  # the browser calls the 422 an error
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Import the good rows").check()
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("1 draft made from plan.csv.")).to_be_visible()
    page_errors.clear()

    page.goto(f"{stack.url}/admin/social/event/")
    expect(page.get_by_role("link", name="Moss")).to_be_visible()
    fits(page)
    assert_accessible_in_both_themes(page)
    page.get_by_label("Person, post or its number").fill("nobody at all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()
    assert_accessible_in_both_themes(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="All of it", exact=True).click()
        page.get_by_role("link", name="Export CSV").click()
    assert download.value.suggested_filename == "audit.csv"
