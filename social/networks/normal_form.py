"""The form in which two texts are compared: what networks and Publer change without changing the words is
gone."""

import hashlib
import unicodedata

import regex

_URL = regex.compile(r"https?://\S+|\bwww\.\S+", regex.IGNORECASE)
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Cc}--\s]|[\uFE00-\uFE0F]", regex.VERSION1)
_SPACE = regex.compile(r"\s+")
URL_MARK = "\u2317"


def normal_form(text: str) -> str:
    """NFKC, invisible characters gone, white space one blank, URLs as one mark."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return str(_SPACE.sub(" ", _URL.sub(URL_MARK, text))).strip()


def fingerprint(text: str) -> str:
    """SHA-256 of the normal form: two texts with the same one are twins."""
    return hashlib.sha256(normal_form(text).encode()).hexdigest()
