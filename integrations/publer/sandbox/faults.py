"""The sandbox told to misbehave: by a person in the feed's panel, or by a script.

`POST /sandbox/faults` replaces what was set before. It takes one mode for each kind of call, and optionally
how often (`count`, else until it is taken back), for how long (`seconds`) and in which words (`message`):

    {"write": "lose_after", "count": 1}
    {"write": {"mode": "late", "seconds": 20}, "list": "list_shifts"}
    {}                                             (everything works again)

`GET /sandbox/faults` answers `{"faults": [{kind, mode, count, seconds, message, words}], "modes": …}`, where
`modes` holds every mode of every kind, with words that say what it does.

Kinds: `any` (every API call, ahead of the others), `write` (schedule and publish), `list` (GET posts), `job`
(GET job_status), `edit` (PUT and DELETE posts), `media` (uploads), `posts` (what becomes of posts that were
taken). The modes of each kind stand in `MODES`; `list_html` is another name for `html` of `list`.
"""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

_ANSWERS = {
    "refuse_key": "Say that the key is wrong",
    "rate_limited": "Say that there were too many calls",
    "lose_before": "Drop the connection before anything is taken",
    "hang": "Say nothing for a while, then drop the connection; nothing is taken",
    "slow": "Do it, but answer late",
    "html": "Answer with an error page; nothing is taken",
    "garbage": "Do it, but answer with something unreadable",
}
_CHANGES = {
    "refuse_content": "Refuse the content",
    "lose_after": "Lose the answer, though the call was taken",
    "html_taken": "Answer with an error page, though the call was taken",
}
MODES: dict[str, dict[str, str]] = {
    "write": _ANSWERS
    | _CHANGES
    | {
        "lose_after": "Lose the answer, though the post was taken",
        "fail_in_job": "Take it, then fail it for every account",
        "partial": "Take it, then fail it for the first account",
        "job_failed": "Take it, then give up on all of it",
        "late": "Take it, but work on it only later",
        "late_lost": "Lose the answer, and work on it only later",
        "stuck": "Take it, and never get to it",
        "stuck_made": "Publish it, and never say so",
        "no_job": "Take it, and answer without a job number",
    },
    "list": _ANSWERS | {"list_shifts": "Let the list change while it is read"},
    "job": _ANSWERS | {"not_found": "Say that there is no such job"},
    "edit": _ANSWERS | _CHANGES,
    "media": _ANSWERS | _CHANGES,
    "posts": {
        "append_signature": "Add a signature to the text",
        "rewrite_words": "Change words of the text",
        "new_id_when_published": "Give a scheduled post a new number as it goes public",
        "fail_when_published": "Let the network refuse it as it goes public",
        "needs_approval": "Let it wait for an approval inside Publer",
    },
    "any": _ANSWERS,
}
KINDS = {
    "write": "When a post is sent",
    "posts": "What becomes of a post",
    "job": "When we ask how far it is",
    "list": "When the list of posts is read",
    "edit": "When a post is edited or recalled",
    "media": "When a picture is uploaded",
    "any": "On every call",
}
_SECONDS = {"hang": 60.0, "slow": 5.0, "late": 5.0, "late_lost": 5.0}
_MESSAGE = {
    "refuse_content": "Text contains words that are not allowed",
    "fail_in_job": "The network refused this post",
    "partial": "The network refused this post",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `count` calls are left, None: until it is taken back."""

    kind: str
    mode: str
    count: int | None = None
    seconds: float = 0.0
    message: str = ""

    @property
    def words(self) -> str:
        return MODES[self.kind][self.mode]

    @property
    def kind_words(self) -> str:
        return KINDS[self.kind]


NO_FAULT = Fault("", "")


class Faults:
    """What is set now. Not kept over a restart: a new start is a healthy one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[str, Fault] = {}

    def replace(self, wanted: Mapping[str, Any]) -> None:
        """Set exactly these faults. `ValueError`, in words, when one is unknown; then nothing changes."""
        shared = {name: wanted[name] for name in ("count", "seconds", "message") if name in wanted}
        faults = [
            _read(kind, value, shared) for kind, value in wanted.items() if kind not in shared and value
        ]
        with self._lock:
            self._set = {fault.kind: fault for fault in faults}

    def take(self, kind: str) -> Fault:
        """The fault that this call shall suffer, counted down; `NO_FAULT` for none."""
        with self._lock:
            fault = self._set.get("any" if "any" in self._set and kind != "posts" else kind)
            if fault is None:
                return NO_FAULT
            if fault.count == 1:
                del self._set[fault.kind]
            elif fault.count:
                self._set[fault.kind] = replace(fault, count=fault.count - 1)
            return fault

    def active(self) -> list[Fault]:
        with self._lock:
            return list(self._set.values())

    def as_json(self) -> dict[str, Any]:
        return {"faults": [asdict(fault) | {"words": fault.words} for fault in self.active()], "modes": MODES}


def _read(kind: str, value: Any, shared: Mapping[str, Any]) -> Fault:
    settings = {**shared, **(value if isinstance(value, dict) else {"mode": value})}
    if kind not in MODES:
        raise ValueError(f"There is no kind '{kind}'. There are: {', '.join(MODES)}.")
    mode = settings.get("mode")
    mode = "html" if mode == "list_html" else mode
    if mode not in MODES[kind]:
        raise ValueError(f"There is no mode '{mode}' for '{kind}'. There are: {', '.join(MODES[kind])}.")
    try:
        count = int(settings["count"]) if settings.get("count") else None
        seconds = float(settings.get("seconds") or _SECONDS.get(mode, 0.0))
    except (TypeError, ValueError):
        raise ValueError("count is a whole number, seconds a number.") from None
    if (count is not None and count < 1) or not 0 <= seconds <= 86_400:
        raise ValueError("count is at least 1, seconds between 0 and 86400.")
    return Fault(kind, mode, count, seconds, str(settings.get("message") or _MESSAGE.get(mode, "")))
