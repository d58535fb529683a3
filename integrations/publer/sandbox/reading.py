"""What a client's request says, or `Refused` in Publer's manner."""

import email
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.publer.sandbox.answers import Refused
from integrations.publer.sandbox.faults import NO_FAULT, Fault
from integrations.publer.sandbox.rules import Account

MOST_POSTS_IN_A_BULK = 500
STATES = ("scheduled", "draft", "draft_private", "draft_public", "recurring")
SHOWN_AT = "coalesce(published_at, scheduled_at, made_at)"

Query = dict[str, list[str]]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in, and the fault that it shall suffer."""

    query: Query
    body: bytes = b""
    content_type: str = ""
    fault: Fault = NO_FAULT
    workspace: str = ""

    def first(self, name: str) -> str:
        return next(iter(self.query.get(name, [])), "")

    def many(self, name: str) -> list[str]:
        """An array parameter: `name[]=a&name[]=b`, `name=a&name=b` or `name=a,b`."""
        values = self.query.get(f"{name}[]", []) + self.query.get(name, [])
        return [part for value in values for part in value.split(",") if part]

    def page(self) -> int:
        value = self.first("page") or "0"
        if not value.isdecimal() or len(value) > 9:
            raise Refused(400, "page is a whole number from 0")
        return int(value)

    def json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refused(400, "The body is not valid JSON") from None
        if not isinstance(value, dict):
            raise Refused(400, "The body is not a JSON object")
        return value


def bulk_entries(call: Call, accounts: Mapping[str, Account], now: float, *, at_once: bool) -> list[Entry]:
    """One entry for each post and account of a bulk. `at_once`: a time may be left out."""
    bulk = call.json().get("bulk")
    if not isinstance(bulk, dict):
        raise Refused(400, "param is missing or the value is empty: bulk")
    state, posts = bulk.get("state"), bulk.get("posts")
    if state not in STATES:
        raise Refused(422, f"State '{state}' is not one of {', '.join(STATES)}")
    if not isinstance(posts, list) or not posts or not all(isinstance(post, dict) for post in posts):
        raise Refused(400, "param is missing or the value is empty: posts")
    if len(posts) > MOST_POSTS_IN_A_BULK:
        raise Refused(422, f"A bulk holds at most {MOST_POSTS_IN_A_BULK} posts")
    entries = [_entry(post, wanted, accounts, now) for post in posts for wanted in post.get("accounts") or []]
    if not entries:
        raise Refused(422, "Select at least one account")
    if state == "scheduled" and not at_once and any(entry["scheduled_at"] is None for entry in entries):
        raise Refused(422, "Scheduled time can't be blank")
    return [entry | {"state": state} for entry in entries]


def _entry(post: dict[str, Any], wanted: Any, accounts: Mapping[str, Account], now: float) -> Entry:
    account = accounts.get(str(wanted.get("id"))) if isinstance(wanted, dict) else None
    if account is None:
        raise Refused(422, "Account not found or not in this workspace")
    networks = post.get("networks")
    if not isinstance(networks, dict):
        raise Refused(400, "param is missing or the value is empty: networks")
    content = networks.get(account.provider)
    if content is not None and not _is_content(content):
        raise Refused(422, f"The content for {account.provider} is not valid")
    at = _time(wanted.get("scheduled_at"))
    if at is not None and at < now + 60:
        raise Refused(422, "Scheduled time must be at least one minute from now")
    return {"account_id": account.id, "provider": account.provider, "content": content, "scheduled_at": at}


def _is_content(content: Any) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        return False
    media, link, text = content.get("media") or [], content.get("link") or {}, content.get("text") or ""
    if not isinstance(media, list) or not isinstance(link, dict) or not isinstance(text, str):
        return False
    return all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in media)


def _time(value: Any) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Refused(422, "Scheduled time is not a valid ISO 8601 time") from None
    if moment.tzinfo is None:
        raise Refused(422, "Scheduled time needs an offset")
    return moment.timestamp()


def list_condition(call: Call) -> tuple[str, list[object]]:
    """The filters of `GET posts` as an SQL condition and its values."""
    parts, values = ["1"], list[object]()
    states = call.many("state")
    if states and "all" not in states:
        parts.append(
            "(" + " OR ".join(["state = ? OR substr(state, 1, length(?) + 1) = ?"] * len(states)) + ")"
        )
        same = {"published_posted": "published", "scheduled_approved": "scheduled"}
        for state in states:
            values += [same.get(state, state), state, f"{state}_"]
    account_ids = call.many("account_ids")
    if account_ids:
        parts.append(f"account_id IN ({', '.join('?' * len(account_ids))})")
        values += account_ids
    start, end = call.first("from"), call.first("to")
    if bool(start) != bool(end):
        raise Refused(400, "from and to must be given together")
    if start:
        parts.append(f"{SHOWN_AT} >= ? AND {SHOWN_AT} < ?")
        values += [_day(start).timestamp(), (_day(end) + timedelta(days=1)).timestamp()]
    if call.first("query"):
        parts.append("instr(lower(text), lower(?)) > 0")
        values.append(call.first("query"))
    if call.first("postType"):
        parts.append("type = ?")
        values.append(call.first("postType"))
    return " AND ".join(parts), values


def _day(value: str) -> datetime:
    try:
        return datetime.strptime(value[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "from and to are dates: 2025-05-15") from None


def file_of_form(call: Call) -> tuple[str, str, bytes]:
    """Name, MIME type and bytes of the part named `file`. Split by hand: e-mail parsers rewrite line ends."""
    boundary = re.search(r'multipart/form-data;.*boundary="?([^";]+)', call.content_type)
    if boundary is None:
        raise Refused(400, "The body is not multipart/form-data")
    for part in call.body.split(b"--" + boundary[1].encode()):
        head, blank, content = part.partition(b"\r\n\r\n")
        headers = email.message_from_bytes(head.lstrip(b"\r\n"))
        if blank and headers.get_param("name", header="content-disposition") == "file":
            mime = headers.get_content_type() if headers["content-type"] else "application/octet-stream"
            return headers.get_filename() or "file", mime, content.removesuffix(b"\r\n")
    raise Refused(400, "param is missing or the value is empty: file")
