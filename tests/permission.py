"""The sandbox in this process as Publer and as its authorization server, and the settings that lead there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from integrations.publer.sandbox.server import Sandbox, Settings

CLIENT_SECRET = "planted-client-secret-40b1"


class Provider:
    """`allow` is what a person presses over there; `tokens` all that it ever granted."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def allow(self, url: str, answer: str = "allow") -> dict[str, str]:
        """What the browser brings back: the query of the callback."""
        said = requests.post(url, data={"answer": answer}, allow_redirects=False, timeout=10)
        assert said.status_code == 302, said.text
        return {
            name: values[0] for name, values in parse_qs(urlsplit(said.headers["Location"]).query).items()
        }

    def tokens(self) -> list[str]:
        rows = self.sandbox.store.rows("SELECT access, renewal FROM tokens ORDER BY rowid")
        return [token for row in rows for token in row]

    def pairs(self) -> int:
        return self.sandbox.store.number("SELECT count(*) FROM tokens")


@contextmanager
def provider(settings: Any, **more: Any) -> Iterator[Provider]:
    """A sandbox that nothing is connected to yet."""
    defaults: dict[str, Any] = {"data": ":memory:", "oauth_client_id": "hotdash"}
    sandbox = Sandbox(Settings(**defaults | {"oauth_client_secret": CLIENT_SECRET} | more))
    sandbox.start(working=False)
    settings.PUBLER_API_KEY = settings.PUBLER_WORKSPACE_ID = ""
    settings.PUBLER_BASE_URL = f"{sandbox.url}/api/v1"
    settings.PUBLER_OAUTH_AUTHORIZE_URL = f"{sandbox.url}/oauth/authorize"
    settings.PUBLER_OAUTH_TOKEN_URL = f"{sandbox.url}/oauth/token"
    settings.PUBLER_OAUTH_REVOKE_URL = f"{sandbox.url}/oauth/revoke"
    settings.PUBLER_OAUTH_CLIENT_ID = "hotdash"
    settings.PUBLER_OAUTH_CLIENT_SECRET = CLIENT_SECRET
    settings.PUBLER_OAUTH_SCOPE = "workspaces accounts posts"
    try:
        yield Provider(sandbox)
    finally:
        sandbox.stop()
