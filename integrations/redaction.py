"""Secrets never reach a log, an exception, a page or a stored body.

Every client names its secrets (`remember`) with each call; from then on `redact` takes them out of any text
of this process, in each form in which an answer, an address or a library's own log line may carry them.
Tokens are renewed for as long as a process lives: those that nobody has named for longest are forgotten.
"""

import base64
import html
import json
import logging
import re
import threading
from typing import Final
from urllib.parse import quote

HIDDEN: Final = "[secret]"
SHORTEST: Final = 6
"""Shorter values are not hidden: they would blank out ordinary words and are no secrets."""

MOST: Final = 64
"""Secrets that are known at once; far more than are in use."""

_lock = threading.Lock()
_known: dict[str, frozenset[str]] = {}
"""Each secret with its forms, the one that was named longest ago first."""
_forms_known: tuple[str, ...] = ()
"""All of them, the longest first: one may be the beginning of another."""
_authorization = re.compile(r"\b((?:Bearer|Basic|Token)(?:-API)?)(\s+|%20|\+)[\w.~+/%=-]{6,}", re.IGNORECASE)


def remember(secret: str) -> None:
    """Hide this value, and its encoded forms, from now on."""
    global _forms_known
    if len(secret) < SHORTEST:
        return
    with _lock:
        before = _known.pop(secret, None)
        _known[secret] = before or _forms(secret)  # to the end, as the one named last
        if before is None:
            while len(_known) > MOST:
                del _known[next(iter(_known))]
            _forms_known = tuple(sorted(set().union(*_known.values()), key=len, reverse=True))


def redact(text: str) -> str:
    """The text without any known secret and without anything that stands as an `Authorization` value."""
    for form in _forms_known:
        text = text.replace(form, HIDDEN)
    return _authorization.sub(rf"\1 {HIDDEN}", text)


def _forms(secret: str) -> frozenset[str]:
    in_json = json.dumps(secret)[1:-1]
    return frozenset(
        {
            secret,
            quote(secret),
            quote(secret, safe=""),
            in_json,
            html.escape(secret),
            *_in_base64(secret),
        }
    )


def _in_base64(secret: str) -> set[str]:
    """What base64 makes of the secret wherever it stands in a longer text (`user:secret`): its start falls on
    one of three places in a group, and the characters that its neighbours share are left off."""
    forms: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            raw = b"\0" * before + secret.encode()
            first = -(-before * 8 // 6)
            forms.add(encode(raw).decode()[first : len(raw) * 8 // 6])
    return forms


class RedactSecrets(logging.Filter):
    """Takes secrets out of a log record; put it on a logger, or on a handler for everything that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True
