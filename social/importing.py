"""Drafts out of a file: CSV or JSON, each bad row told with its line.

Columns, or names in JSON: `text`, `channels` (account ids, or networks where there is one account of it),
`title`, `link`, `scheduled_at` (by the shop's clock unless it has an offset), `text_<network>`.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from social import clock, networks
from social.models import Channel, Post
from social.models.channel import NETWORK_NAMES
from social.wall_clock import is_left_out, left_out_words, shop_zone
from social.workflow import Actor, Content, InvalidContent, create

MOST_ROWS = 5_000
LARGEST = 10 * 1024 * 1024
"""Bytes of a file."""
OWN = "text_"
COLUMNS = {"text", "channels", "title", "link", "scheduled_at", *(f"{OWN}{key}" for key in NETWORK_NAMES)}


@dataclass(frozen=True)
class BadRow:
    """Why a row is not imported: its line in the file, the field ("" where it is all of it), the rule."""

    line: int
    field: str
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field + ': ' if self.field else ''}{self.words}"


@dataclass(frozen=True)
class Outcome:
    made: Sequence[Post]
    bad: Sequence[BadRow]


class _Wrong(Exception):
    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field


class _Unreadable(Exception):
    """The file cannot be read on from this line."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


def import_posts(data: bytes, name: str, actor: Actor, *, keep_good: bool = False) -> Outcome:
    """Make a draft of each row, by this person. With one bad row none is made, unless `keep_good`."""
    bad: list[BadRow] = []
    good: list[tuple[Content, str]] = []
    known = list(Channel.objects.filter(active=True, connection__connected=True).select_related("connection"))
    try:
        for line, row in _rows(data, name):
            if len(good) + len(bad) >= MOST_ROWS:
                raise _Unreadable(line, f"At most {MOST_ROWS:,} rows are taken at once.")
            try:
                good.append(_content(row, known))
            except _Wrong as wrong:
                bad.append(BadRow(line, wrong.field, str(wrong)))
            except InvalidContent as invalid:
                bad += [BadRow(line, each.field, each.message) for each in invalid.problems]
    except _Unreadable as stop:
        return Outcome([], [*bad, BadRow(stop.line, "", str(stop))])
    if not good and not bad:
        bad = [BadRow(1, "", "There is no row in it.")]
    if bad and not keep_good:
        return Outcome([], bad)
    with transaction.atomic():
        made = [create(actor, content, title=title, source=Post.Source.IMPORT) for content, title in good]
    return Outcome(made, bad)


# -------------------------------------------------------------------------------------------- reading
def _rows(data: bytes, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row with the line on which it begins."""
    if len(data) > LARGEST:
        raise _Unreadable(1, f"A file has at most {LARGEST // 1024 // 1024} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(line, "It is not UTF-8: save it as “CSV UTF-8”.") from None
    if name.lower().endswith(".json"):
        return _json_rows(text)
    if name.lower().endswith(".csv"):
        return _csv_rows(text)
    raise _Unreadable(1, "A file called .csv or .json is taken.")


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    head = text.split("\n", 1)[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        names = [name.strip() for name in next(reader, [])]
        _known(names, 1)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) > len(names):
                    yield line, {"": f"It has {len(cells)} cells, the first line {len(names)}."}
                else:
                    yield line, dict(zip(names, cells, strict=False))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _Unreadable(line, f"It is not CSV from here on: {error}.") from None


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    decoder, blank = json.JSONDecoder(), re.compile(r"\s*")

    def skip(at: int) -> int:
        found = blank.match(text, at)
        return found.end() if found else at

    def line(at: int) -> int:
        return text.count("\n", 0, at) + 1

    at = skip(0)
    if text[at : at + 1] != "[":
        raise _Unreadable(line(at), "A list of posts is taken: [{…}, {…}].")
    at = skip(at + 1)
    while text[at : at + 1] != "]":
        try:
            row, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise _Unreadable(line(at), "It is not JSON from here on.") from None
        if isinstance(row, dict):
            unknown = sorted(set(row) - COLUMNS)
            yield line(at), {"": f"“{unknown[0]}” is not known."} if unknown else row
        else:
            yield line(at), {"": "A post is an object: {…}."}
        at = skip(end)
        if text[at : at + 1] == ",":
            at = skip(at + 1)
        elif text[at : at + 1] != "]":
            raise _Unreadable(line(at), "It is not JSON from here on.")


def _known(names: Sequence[str], line: int) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise _Unreadable(
            line, f"The column “{unknown[0]}” is not known: {', '.join(sorted(COLUMNS)[:5])} are."
        )
    if len(set(names)) < len(names):
        raise _Unreadable(line, "A column stands there twice.")
    if "text" not in names:
        raise _Unreadable(line, "There is no column “text”.")


# ------------------------------------------------------------------------------------------- checking
def _content(row: Mapping[str, Any], known: Sequence[Channel]) -> tuple[Content, str]:
    if row.get(""):
        raise _Wrong("", row[""])
    title, text, link = _text(row, "title", 200), _text(row, "text", 100_000), _text(row, "link", 2000)
    if not text.strip() and not link:
        raise _Wrong("text", "There is nothing to say: write a text, or add a link.")
    if link and not re.match(r"https?://[^\s/]+", link):
        raise _Wrong("link", "This is not a link: it begins with https://.")
    if words := networks.link_problem(link):
        raise _Wrong("link", words)
    own = {key: _text(row, f"{OWN}{key}", 100_000) for key in NETWORK_NAMES if row.get(f"{OWN}{key}")}
    content = Content(
        text=text,
        link=link,
        channels=_channels(row.get("channels"), known),
        overrides={key: {"text": words} for key, words in own.items() if words.strip()},
        scheduled_at=_at(row.get("scheduled_at")),
    )
    return content, title


def _text(row: Mapping[str, Any], name: str, most: int) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Wrong(name, "A text is taken.")
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise _Wrong(name, "It holds a character that cannot be kept.")
    value = value if name.startswith("text") else value.strip()
    if len(value) > most:
        raise _Wrong(name, f"At most {most:,} characters are taken; this has {len(value):,}.")
    return value


def _channels(written: Any, known: Sequence[Channel]) -> list[Channel]:
    if written is None:
        return []
    names = re.split(r"[\s,;]+", written.strip()) if isinstance(written, str) else written
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _Wrong("channels", "A list of account ids is taken.")
    found: dict[int, Channel] = {}
    for name in filter(None, names):
        fits = [channel for channel in known if channel.account_id == name]
        fits = fits or [one for one in known if name.lower() in (one.network, one.network_name.lower())]
        if not fits:
            raise _Wrong("channels", f"“{name[:60]}” is no connected channel.")
        if len(fits) > 1:
            raise _Wrong("channels", f"There are {len(fits)} channels “{name[:60]}”: give the account’s id.")
        found[fits[0].pk] = fits[0]
    if len({channel.connection_id for channel in found.values()}) > 1:
        raise _Wrong("channels", "All channels of a post belong to one workspace.")
    return list(found.values())


def _at(written: Any) -> datetime | None:
    if written is None or written == "":
        return None
    try:
        at = parse_datetime(written.strip()) if isinstance(written, str) else None
    except ValueError:
        at = None
    if at is None:
        raise _Wrong("scheduled_at", "This is not a date and a time: write it like 2026-11-24T12:00.")
    if at.tzinfo is None:
        at = at.replace(tzinfo=shop_zone())
        if is_left_out(at):
            raise _Wrong("scheduled_at", left_out_words(at))
    try:
        passed = at <= clock.now()
    except OverflowError:
        passed = True
    if passed:
        raise _Wrong("scheduled_at", "This time has passed: choose a later one, or leave it empty.")
    return at
