"""A post as one network shows it."""

from typing import Any

import pytest
from django.template.loader import render_to_string

from social.networks import NETWORKS
from social.networks.preview import Piece, preview

LINK = "https://www.kilnandlinen.com/products/nesting-bowls?utm_source=x"


def drawn(network: str, **content: Any) -> str:
    return render_to_string("social/post_preview.html", {"preview": preview(network, **content)})


def test_what_is_too_much_is_marked_where_it_begins() -> None:
    shown = preview("twitter", text="a" * 280 + " and more")
    assert (shown.length, shown.over, shown.counter) == (289, 9, "289 of 280, 9 over")
    assert shown.head == (Piece("", "a" * 280), Piece("over", " and more"))


def test_links_and_tags_are_coloured() -> None:
    shown = preview("twitter", text="See kiln.com, @ann #moss!")
    assert [piece.text for piece in shown.head if piece.kind == "link"] == ["kiln.com", "@ann", "#moss"]


def test_what_falls_behind_more_is_said() -> None:
    text = "word " * 30 + "The first 40 orders leave on Thursday"
    shown = preview("instagram", text=text, pictures=[("0" * 64, "A bowl")])
    assert len("".join(piece.text for piece in shown.head)) <= 125
    assert (shown.note_warns, shown.note.endswith("falls behind “more”")) == (True, True)


def test_a_link_becomes_a_card_and_beside_pictures_ends_the_text() -> None:
    alone = preview("twitter", text="Moss", link=LINK)
    assert alone.card is not None
    assert (alone.card.domain, alone.card.title) == ("kilnandlinen.com", "Nesting bowls")
    assert alone.length == 4 + 2 + 23

    beside = preview("twitter", text="Moss", link=LINK, pictures=[("0" * 64, "")])
    assert beside.card is None
    assert beside.head[-1] == Piece("link", LINK)
    assert beside.note == "With pictures, X shows the link as text, not as a card"


def test_the_own_words_link_and_comment_of_a_network_are_shown() -> None:
    own = {"facebook": {"text": "Own", "link": "https://kiln.pt/", "first_comment": "#moss"}}
    shown = preview("facebook", text="For all", link=LINK, overrides=own)
    assert (shown.text, shown.comment) == ("Own", "#moss")
    assert shown.card is not None
    assert shown.card.domain == "kiln.pt"


@pytest.mark.parametrize("network", [*NETWORKS, "new_one"])
def test_each_network_is_drawn_and_nothing_in_a_text_is_markup(network: str) -> None:
    html = drawn(
        network,
        text="<script>alert(1)</script> & " + "x" * 70_000,
        account="<b>Kiln</b>",
        pictures=[(f"{n}" * 64, '"><img>') for n in range(6)],
    )
    assert "<script>" not in html
    assert "<b>Kiln</b>" not in html
    assert html.count("<img ") == 4
    assert "+2" in html
