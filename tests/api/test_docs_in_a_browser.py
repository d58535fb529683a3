"""The browsable documents, where a browser enforces the content policy."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_documents_can_be_read_and_opened(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/api/v1/docs")
    expect(page.locator(".opblock")).to_have_count(16)
    page.locator("#operations-posts-create_post .opblock-summary-control").click()
    expect(page.get_by_text("waits for a person's approval")).to_be_visible()
