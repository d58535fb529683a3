"""What a person sees of the sandbox, and what a foreign page may not do."""

import html
import re

import pytest
import requests

from tests.sandbox.caller import Caller, Clock, NewSandbox

NASTY = (
    '<img src=x onerror=alert(1)> & "quotes" {{ 7|add:7 }} #tag https://kilnandlinen.com/a?b=1&c=<script>2'
)


def feed(caller: Caller) -> str:
    return requests.get(f"{caller.url}/", timeout=10).text


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def test_the_root_leads_to_the_feed(caller: Caller) -> None:
    answer = requests.get(f"{caller.url}/", timeout=10)
    assert (answer.url, answer.status_code) == (f"{caller.url}/sandbox/", 200)


def test_an_empty_feed_says_what_to_do(caller: Caller) -> None:
    assert "Approve a post in HotDash" in feed(caller)
    caller.publish("x")
    assert "Approve a post in HotDash" not in feed(caller)


@pytest.mark.parametrize("provider", ["facebook", "twitter", "linkedin", "threads", "bluesky", "mastodon"])
def test_a_posts_words_are_shown_once_whole_and_never_as_markup(caller: Caller, provider: str) -> None:
    caller.publish(NASTY, provider)
    page = feed(caller)
    assert "<img src=x" not in page
    assert "<script>2" not in page
    assert text_of(page).count(NASTY) == 1


def test_a_links_parts_are_never_markup_either(caller: Caller) -> None:
    link = {"url": 'https://kilnandlinen.com/"><script>', "title": "<b>Bowls</b>", "description": "<i>x</i>"}
    caller.publish("x", "facebook", type="link", link=link)
    page = feed(caller)
    assert not any(part in page for part in ("<b>Bowls", "<i>x", '"><script>'))
    assert "kilnandlinen.com" in page


def test_long_words_fold_but_are_all_there(caller: Caller) -> None:
    words = " ".join(f"word{number}" for number in range(80))
    caller.publish(words, "linkedin")
    page = feed(caller)
    assert 'class="more"' in page
    assert words in text_of(page)


def test_pages_allow_nothing_foreign_and_nothing_inline(caller: Caller) -> None:
    caller.publish(NASTY, "twitter")
    answer = requests.get(f"{caller.url}/sandbox/", timeout=10)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"style=|<style|<script>|\son\w+=", re.sub(r"&lt;.*?&gt;", "", answer.text))
    addresses = re.findall(r'(?:src|href|action)="([^"]+)"', answer.text)
    assert addresses
    assert all(address.startswith(("/sandbox/", "/media/", "/p/")) for address in addresses)


def test_everything_that_the_page_names_is_there(caller: Caller) -> None:
    page = feed(caller)
    css = requests.get(f"{caller.url}/sandbox/static/feed.css", timeout=10).text
    names = re.findall(r'"/sandbox/static/([\w.-]+)', page) + re.findall(r"url\(([\w.-]+)\)", css)
    assert {"feed.js", "posts.css", "Inter-Regular.woff2"} <= set(names)
    for name in names:
        assert requests.get(f"{caller.url}/sandbox/static/{name}", timeout=10).status_code == 200


@pytest.mark.parametrize("name", ["../feed.py", "..%2ffeed.py", "%2e%2e/server.py", "nothing.css", ""])
def test_nothing_else_is_served(caller: Caller, name: str) -> None:
    assert requests.get(f"{caller.url}/sandbox/static/{name}", timeout=10).status_code == 404


def test_an_open_page_learns_what_is_new(caller: Caller) -> None:
    caller.publish("old", "twitter")
    url = f"{caller.url}/sandbox/changes"
    first = requests.get(f"{url}?after=0", timeout=10).json()
    caller.publish("new", "bluesky")
    second = requests.get(f"{url}?after={first['cursor']}", timeout=10).json()
    assert [post["account"] for post in second["posts"]] == [caller.accounts["bluesky"]]
    assert "new" in second["posts"][0]["html"]
    assert second["counts"] == {caller.accounts["bluesky"]: 1}


def test_a_post_is_just_in_for_half_a_minute(caller: Caller, clock: Clock) -> None:
    caller.publish("x")
    assert "just in" in feed(caller)
    clock.now += 30
    assert "just in" not in feed(caller)


def test_what_is_refused_stands_there_with_its_reason(caller: Caller) -> None:
    caller.publish("x" * 281, "twitter")
    assert "Text is too long: 281 characters" in feed(caller)


def test_what_goes_wrong_stands_on_top_in_words(caller: Caller) -> None:
    form = {"write": "lose_after", "count": "1", "list": "", "seconds": "", "message": ""}
    answer = requests.post(
        f"{caller.url}/sandbox/faults", data=form, headers={"Accept": "text/html"}, timeout=10
    )
    assert answer.url == f"{caller.url}/sandbox/"
    words = " ".join(text_of(answer.text).split())
    assert "When a post is sent: lose the answer, though the post was taken, once" in words


def test_emptying_forgets_posts_and_refusals_but_no_pictures(caller: Caller) -> None:
    media = caller.upload(b"x", "x.bin")
    caller.publish("x" * 281, "twitter", "threads")
    epoch = requests.get(f"{caller.url}/sandbox/changes", timeout=10).json()["feed"]
    assert requests.post(f"{caller.url}/sandbox/empty", timeout=10).json() == {"done": True}
    changes = requests.get(f"{caller.url}/sandbox/changes", timeout=10).json()
    assert changes["facts"] == {"published": 0, "twice": 0, "refused": 0}
    assert changes["feed"] != epoch
    assert requests.get(media["path"], timeout=10).content == b"x"


@pytest.mark.parametrize("path", ["/sandbox/empty", "/sandbox/faults"])
def test_a_foreign_page_cannot_press_the_buttons(caller: Caller, path: str) -> None:
    caller.publish("x")
    headers = {"Origin": "https://evil.example"}
    answer = requests.post(f"{caller.url}{path}", data={"write": "html"}, headers=headers, timeout=10)
    assert (answer.status_code, len(caller.posts())) == (403, 1)
    assert requests.get(f"{caller.url}/sandbox/faults", timeout=10).json()["faults"] == []


def test_a_scheduled_post_has_no_public_page(caller: Caller) -> None:
    caller.schedule("x", "2026-11-24T12:00:00Z")
    answer = requests.get(f"{caller.url}/p/{caller.posts()[0]['id']}", timeout=10)
    assert (answer.status_code, "There is no such post" in answer.text) == (404, True)


def test_posts_as_plain_json_carry_what_scripts_ask_for(caller: Caller) -> None:
    job = caller.publish("x", "facebook", type="link", link={"url": "https://kilnandlinen.com"})
    [post] = requests.get(f"{caller.url}/sandbox/posts", timeout=10).json()
    assert post["account_id"] == caller.accounts["facebook"]
    assert (post["provider"], post["text"], post["state"], post["job_id"]) == (
        "facebook",
        "x",
        "published",
        job,
    )
    assert (post["made_at"], post["published_at"]) == (caller.clock.now, caller.clock.now)
    assert (post["media"], post["link"]) == (0, "https://kilnandlinen.com")
    assert post["post_link"] == f"{caller.url}/p/{post['id']}"


def test_a_thousand_accounts_do_not_make_a_thousand_columns(new_sandbox: NewSandbox) -> None:
    caller = new_sandbox(further_accounts=1000)
    assert feed(caller).count("<section") == 7


def test_a_body_without_a_length_is_refused(caller: Caller) -> None:
    answer = requests.post(f"{caller.url}/sandbox/faults", data=iter([b"{}"]), timeout=10)
    assert answer.status_code == 411
