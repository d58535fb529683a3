"""Everything that a network would refuse, found before it is asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from social.models.channel import NETWORK_NAMES
from social.networks import counting
from social.networks.limits import network
from social.networks.links import link_problem
from social.networks.rules import FORMATS, GIF, MB, Network


@dataclass(frozen=True)
class Problem:
    """Why a post cannot be submitted: the field, and the rule in words."""

    field: str
    message: str


@dataclass(frozen=True)
class Shown:
    """What is known of a picture: its form, its size in bytes and pixels, and its alternative text."""

    content_type: str
    size: int
    width: int
    height: int
    alt_text: str = ""


@dataclass(frozen=True)
class Said:
    """What one network gets of a post."""

    network: str
    text: str
    link: str
    comment: str
    text_field: str

    def counted(self, *, with_pictures: bool) -> str:
        """The text as the network counts it: with the link, where that has no place of its own."""
        in_text = network(self.network).link_in_text or (with_pictures and self.network not in LINK_BESIDE)
        if not self.link or not in_text or self.link in self.text:
            return self.text
        return f"{self.text}\n\n{self.link}" if self.text else self.link


LINK_BESIDE = ("google", "pinterest")
"""Whose link stands beside text and picture, as `integrations.publer.content` sends it."""


def said(key: str, text: str, link: str, overrides: Mapping[str, Any]) -> Said:
    """What this network gets: its own text, link and first comment, where it has them."""
    own = overrides.get(key) or {}
    words = str(own.get("text") or "")
    return Said(
        network=key,
        text=words or text,
        link=str(own.get("link") or link),
        comment=str(own.get("first_comment") or ""),
        text_field=f"overrides.{key}.text" if words else "text",
    )


def kind_of(key: str, pictures: Sequence[str], link: str) -> str:
    """The content type on this network. `pictures`: their forms; a single GIF is a type of its own, and
    several pictures are a carousel where the network has one."""
    if pictures:
        if GIF in pictures:
            return "gif"
        return "carousel" if len(pictures) > 1 and "carousel" in network(key).kinds else "photo"
    return "link" if link else "status"


def check(
    *,
    text: str,
    link: str,
    overrides: Mapping[str, Any],
    networks: Sequence[str],
    media_count: int = 0,
    pictures: Sequence[Shown] | None = None,
) -> list[Problem]:
    """Everything that a network would refuse. Where the pictures are not at hand yet, `media_count` says how
    many there will be, and only that is judged of them."""
    problems = []
    if not networks:
        problems.append(Problem("channels", "Choose at least one channel."))
    if words := link_problem(link):
        problems.append(Problem("link", words))
    count = media_count if pictures is None else len(pictures)
    for key in dict.fromkeys(networks):
        one, rules, name = said(key, text, link, overrides), network(key), NETWORK_NAMES.get(key, key)
        problems += _of_words(one, rules, name, with_pictures=count > 0)
        problems += _of_pictures(rules, name, count, pictures or ())
        if not one.text.strip() and not count and not one.link:
            problems.append(
                Problem("text", f"There is nothing to say on {name}: write a text or add a picture.")
            )
    return list(dict.fromkeys(problems))


def _of_words(one: Said, rules: Network, name: str, *, with_pictures: bool) -> Iterator[Problem]:
    words, field = one.counted(with_pictures=with_pictures), one.text_field
    limit, length = rules.limit(with_pictures=with_pictures), rules.count(words)
    if length > limit:
        beside = " beside a picture" if limit != rules.text else ""
        has = "text and link have" if words != one.text else "this text has"
        yield Problem(field, f"{name} allows {limit:,} characters{beside}; {has} {length:,}.")
    if rules.bytes is not None and (size := counting.utf8(words)) > rules.bytes:
        yield Problem(field, f"{name} allows {rules.bytes:,} bytes; this text has {size:,}.")
    for most, found, what in (
        (rules.hashtags, counting.hashtags, "hashtags"),
        (rules.mentions, counting.mentions, "mentions"),
        (rules.links, counting.link_count, "links"),
    ):
        if most is not None and (number := found(words)) > most:
            yield Problem(field, f"{name} allows {most} {what}; this text has {number}.")
    if not one.comment:
        return
    comment_field = f"overrides.{one.network}.first_comment"
    if rules.comment is None:
        yield Problem(comment_field, f"Publer takes no first comment for {name}.")
    elif (length := counting.characters(one.comment)) > rules.comment:
        yield Problem(
            comment_field,
            f"{name} allows {rules.comment:,} characters in a comment; this one has {length:,}.",
        )


def _of_pictures(rules: Network, name: str, count: int, pictures: Sequence[Shown]) -> Iterator[Problem]:
    takes = rules.pictures
    if not rules.kinds:
        yield Problem("channels", f"{name} takes videos alone, and HotDash sends none: leave {name} out.")
        return
    if takes.needed and not count:
        yield Problem("media", f"{name} needs a picture.")
    if count > takes.most:
        yield Problem("media", f"{name} takes {_pictures(takes.most)}; here are {count}.")
    if count > 1 and any(picture.content_type == GIF for picture in pictures) and GIF in takes.formats:
        yield Problem("media", f"{name} takes a GIF only alone; here are {count} pictures.")
    for number, picture in enumerate(pictures, 1):
        for why in _of_picture(picture, rules):
            yield Problem("media", f"{name} {why[0]}; picture {number} {why[1]}.")


def _of_picture(picture: Shown, rules: Network) -> Iterator[tuple[str, str]]:
    """The rule, and what this picture is instead."""
    takes = rules.pictures
    if picture.content_type not in takes.formats:
        form = FORMATS.get(picture.content_type, picture.content_type)
        yield f"takes {takes.format_names}", f"is a {form}"
        return
    size = takes.gif_size if picture.content_type == GIF else takes.size
    if picture.size > size:
        yield f"takes up to {size / MB:.0f} MB", f"has {picture.size / MB:.1f} MB"
    sides = f"is {picture.width:,} × {picture.height:,}"
    if picture.width < takes.least[0] or picture.height < takes.least[1]:
        yield f"takes pictures from {takes.least[0]} × {takes.least[1]} pixels", sides
    shape = picture.width / max(picture.height, 1)
    if takes.shapes and not takes.shapes[0] - 0.005 <= shape <= takes.shapes[1] + 0.005:
        tallest, widest = (_shape(one) for one in takes.shapes)
        yield f"takes shapes from {tallest} to {widest}", sides
    if len(picture.alt_text) > takes.alt_text:
        yield f"allows {takes.alt_text:,} characters of alt text", f"has {len(picture.alt_text):,}"


def _shape(ratio: float) -> str:
    """A ratio as people say it: 4:5, 1.91:1."""
    known = {4 / 5: "4:5"}
    if ratio in known:
        return known[ratio]
    return f"{ratio:g}:1" if ratio >= 1 else f"1:{1 / ratio:g}"


def _pictures(number: int) -> str:
    return "one picture" if number == 1 else f"up to {number} pictures"
