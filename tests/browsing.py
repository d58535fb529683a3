"""A real Chromium for the tests: the system's own, nothing is downloaded."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The browser reports a violation as a console error, too, but not for each kind of it.
TELL_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', "
    "e => console.error(`securitypolicyviolation: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`))"
)
NewPage = Callable[..., Page]
THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What looks or acts like a control and is neither reached by the Tab key nor part of one that is.
MOUSE_ONLY = r"""() => {
  const REACHED = "a[href], button, input, select, textarea, summary, label, [tabindex]:not([tabindex='-1'])";
  return [...document.body.querySelectorAll("*")].filter((one) => {
    const shown = one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const pointed = (each) => getComputedStyle(each).cursor === "pointer";
    const acts = one.matches("[x-on\\:click], [onclick]") || (pointed(one) && !pointed(one.parentElement));
    return shown && acts && !one.closest(REACHED) && !one.querySelector(REACHED);
  }).map((one) => one.outerHTML.slice(0, 200));
}"""

# Ends with the last movement that has an end; asked once, for our policy refuses what polls by `eval`.
SETTLED = """() => Promise.allSettled(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished))"""


def chromium() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium, or CHROMIUM=/path/to/it")
    # Playwright's loop makes Django believe that tests run inside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page_errors() -> list[str]:
    """What the pages of this test complained about; a test that provokes a complaint clears it."""
    return []


@pytest.fixture
def new_page(request: pytest.FixtureRequest, browser: Browser, page_errors: list[str]) -> Iterator[NewPage]:
    """`new_page(**options of Playwright's new_context)`: a page of a fresh person.

    The test fails on any error in the console, in a script, or against the content security policy. With
    BROWSER_RECORDS=FOLDER each is recorded, step by step with pictures, for `playwright show-trace`.
    """
    contexts: list[BrowserContext] = []
    records = os.environ.get("BROWSER_RECORDS")

    def make(**options: Any) -> Page:
        context = browser.new_context(**options)
        if records:
            context.tracing.start(title=request.node.name, screenshots=True, snapshots=True)
        context.set_default_timeout(10_000)
        context.add_init_script(TELL_VIOLATIONS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: page_errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        return page

    yield make
    for number, context in enumerate(contexts):
        if records:
            context.tracing.stop(path=f"{records}/{request.node.name}-{number}.zip")
        context.close()
    assert not page_errors, "the page complained: " + "; ".join(page_errors)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page()


def assert_accessible(page: Page) -> None:
    """Fail on what axe-core finds in the page as it is, by WCAG 2.2 A and AA and its best practices, and on a
    control that only a mouse reaches."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("tags => axe.run({ runOnly: tags, resultTypes: ['violations'] })", RULES)[
        "violations"
    ]
    told = [
        f"{rule['id']}: {rule['help']}\n    {node['html'][:300]}\n    {node.get('failureSummary', '')}"
        for rule in found
        for node in rule["nodes"]
    ]
    told += [f"only a mouse reaches this: {control}" for control in page.evaluate(MOUSE_ONLY)]
    assert not told, f"{page.url} cannot be used by everybody:\n" + "\n".join(told)


def assert_accessible_in_both_themes(page: Page) -> None:
    """As `assert_accessible`, by night and by day."""
    for scheme in THEMES:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(SETTLED)
        assert_accessible(page)
