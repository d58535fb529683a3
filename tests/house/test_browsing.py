"""The browser fixture itself: it notices what it must notice."""

import pytest

from tests.browsing import NewPage, assert_accessible

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<script>console.error('a word')</script>", "a word"),
        ("<script>throw new Error('a fault')</script>", "a fault"),
        (
            "<meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><img src=data:image/gif,>",
            "securitypolicyviolation: img-src data",
        ),
    ],
)
def test_a_complaint_of_a_page_is_noticed(
    new_page: NewPage, page_errors: list[str], content: str, complaint: str
) -> None:
    page = new_page()
    page.goto(f"data:text/html,{content}")
    page.wait_for_timeout(100)
    assert any(complaint in said for said in page_errors)
    page_errors.clear()


WHOLE = "<html lang=en><title>A page</title><main><h1>A page</h1>{}</main></html>"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<p style='color:#999;background:#fff'>faint words</p>", "color-contrast"),
        ("<input>", "label"),
        ("<button style='width:9px;height:9px;padding:0' aria-label=a></button>" * 2, "target-size"),
        ("<div style='cursor:pointer'>Filters</div>", "only a mouse reaches this: <div"),
        ("<div onclick='go()'>Filters</div>", "only a mouse reaches this: <div"),
    ],
)
def test_what_not_everybody_can_use_is_noticed(new_page: NewPage, content: str, complaint: str) -> None:
    page = new_page()
    page.set_content(WHOLE.format(content))
    with pytest.raises(AssertionError, match=complaint):
        assert_accessible(page)


def test_a_page_for_everybody_passes(new_page: NewPage) -> None:
    page = new_page()
    link = "<a href=/x style='cursor:pointer;line-height:40px'><span onclick='go()'>words</span></a>"
    page.set_content(WHOLE.format(f"{link} <div role=button tabindex=0 onclick='go()'>Filters</div>"))
    assert_accessible(page)
