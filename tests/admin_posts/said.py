"""What a page says to a person."""

import re
from html import unescape
from typing import Any

LIST = "/admin/social/post/"


def page(pk: int) -> str:
    return f"{LIST}{pk}/change/"


def words(response: Any) -> str:
    """The page's words alone, each blank once."""
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(text))


def told(client: Any) -> str:
    """What the next page of this person tells about what was just done."""
    return words(client.get(LIST))
