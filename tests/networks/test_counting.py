"""Counting as the networks do: one file of texts, held against the server's code and the browser's own.

`vectors.json`: what X counts is twitter-text's answer, where it knows the drawings in question; graphemes are
those of the Unicode standard, bytes those of UTF-8.
"""

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from social.networks import counting
from tests.environment import ROOT

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests" / "networks" / "vectors.json").read_text())
MODULE = ROOT / "static" / "hotdash" / "counting.js"
ALL_COUNTED = """async (asked) => {
  const { counting } = await import("http://counting.test/counting.js");
  const by = counting(asked.table);
  return asked.texts.map((text) => ({
    ...Object.fromEntries(Object.entries(by.counts).map(([name, count]) => [name, count(text)])),
    hashtags: by.hashtags(text), mentions: by.mentions(text), links: by.linkCount(text),
    fits: by.fitting("weighted", text, 20),
  }));
}"""


def counted(text: str) -> dict[str, int]:
    of_text = {name: count(text) for name, count in counting.COUNTS.items()}
    told = {
        "hashtags": counting.hashtags(text),
        "mentions": counting.mentions(text),
        "links": counting.link_count(text),
    }
    return of_text | told


def test_there_are_texts_of_every_kind() -> None:
    assert len(VECTORS) >= 200
    assert len({vector["text"] for vector in VECTORS}) == len(VECTORS)


def test_the_server_counts_as_the_networks() -> None:
    wrong = [
        (vector["text"], name, number, vector[name])
        for vector in VECTORS
        for name, number in counted(vector["text"]).items()
        if number != vector[name]
    ]
    assert not wrong


@pytest.mark.browser
def test_the_browser_counts_as_the_server(page: Page) -> None:
    def serve(route: Route) -> None:
        if route.request.url.endswith(".js"):
            route.fulfill(body=MODULE.read_text(), content_type="text/javascript")
        else:
            route.fulfill(body="<title>Counting</title>", content_type="text/html")

    page.route("http://counting.test/**", serve)
    page.goto("http://counting.test/")
    texts = [vector["text"] for vector in VECTORS]

    told = page.evaluate(ALL_COUNTED, {"table": counting.TABLE, "texts": texts})

    assert len(told) == len(texts)
    for vector, there in zip(VECTORS, told, strict=True):
        text = vector["text"]
        beginning = text[: counting.fitting("weighted", text, 20)]
        fits = len(beginning.encode("utf-16-le")) // 2  # JavaScript's positions
        assert there == {**{name: vector[name] for name in there if name != "fits"}, "fits": fits}, text


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("a" * 280, 280),
        ("https://kilnandlinen.com/" + "a" * 300, 23),
        ("kilnandlinen.com/moss and kilnandlinen.pt", 23 + 5 + 23),
        ("👨‍👩‍👧‍👦", 2),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿🇵🇹1️⃣", 6),
        ("日本語", 6),
        ("e\u0301", 1),
        ("info@kilnandlinen.com", 21),
        ("readme.notatld", 14),
    ],
)
def test_x_weighs(text: str, weight: int) -> None:
    assert counting.weighted(text) == weight


def test_mastodon_counts_of_somebody_on_another_server_only_the_name() -> None:
    assert counting.links_as_23("hi @kiln@mastodon.example: https://kilnandlinen.com/moss") == 10 + 23


def test_threads_counts_an_emoji_as_its_bytes() -> None:
    assert counting.emoji_as_bytes("moss 🌿") == 5 + 4


def test_what_fits_ends_between_two_graphemes() -> None:
    family = "👨‍👩‍👧‍👦"
    assert counting.fitting("weighted", f"abc{family}d", 4) == 3
    assert counting.fitting("weighted", f"abc{family}d", 5) == 3 + len(family)


def test_a_long_text_is_counted_in_no_time() -> None:
    began = time.monotonic()
    for text in ("((((" * 20_000, "a." * 40_000, "https://" * 10_000, "@a" * 40_000, "/x(" * 30_000):
        counting.weighted(text)
        counting.links_as_23(text)
    assert time.monotonic() - began < 10, "a second is plenty; seconds for each are a pattern that explodes"
