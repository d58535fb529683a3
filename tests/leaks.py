"""A secret in every form in which something that was written may carry it."""

import base64
import html
import json
from urllib.parse import quote


def forms(secret: str) -> set[str]:
    """As it is, and encoded: in an address, in JSON, in HTML, in base64 anywhere in a longer text."""
    encoded = {
        encode(b"x" * lead + secret.encode()).decode()[4:-4]
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
        for lead in range(3)
    }
    plain = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], html.escape(secret)}
    return plain | encoded


def found_in(text: str, secret: str) -> list[str]:
    """The forms of the secret that stand in the text."""
    return sorted(form for form in forms(secret) if form in text)
