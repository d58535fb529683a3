"""Two texts, word by word: what went, what came."""

import difflib
import re
from typing import Literal, NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WORDS = re.compile(r"\s+|[^\s]+")


class Piece(NamedTuple):
    """A run of words that both texts have, or only the earlier one, or only the later one."""

    kind: Literal["same", "removed", "added"]
    text: str


def pieces(before: str, after: str) -> list[Piece]:
    """What leads from one text to the other, in order."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    found = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[i:j]), "".join(new[k:m])
        if tag == "equal":
            found.append(Piece("same", gone))
            continue
        if gone:
            found.append(Piece("removed", gone))
        if come:
            found.append(Piece("added", come))
    return found


_MARKS = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}


def word_diff(before: str, after: str) -> SafeString:
    """`after`, with what it has more in <ins> and what it has not in <del>; everything else escaped."""
    shown: list[SafeString] = []
    last = ""
    for piece in pieces(before, after):
        if last == "removed" and piece.kind == "added":
            shown.append(format_html("{}", " "))
        shown.append(format_html(_MARKS[piece.kind], piece.text))
        last = piece.kind
    return format_html_join("", "{}", ((piece,) for piece in shown))
