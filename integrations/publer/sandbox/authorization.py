"""The sandbox as an authorization server: Authlib's own, over the sandbox's store.

/oauth/authorize   GET the question, POST its answer
/oauth/token       codes (once, within ten minutes, PKCE with S256 only) and refresh tokens (each once)
/oauth/revoke      RFC 7009
"""

import hmac
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from integrations.publer.sandbox.reading import Query
from integrations.publer.sandbox.store import Store
from integrations.serving import Answer

CODE_LIFE = 600.0
DEFAULT_SCOPE = "workspaces accounts posts media"
OWNER = "the sandbox's owner"
AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post"]
Page = Callable[[dict[str, Any], int, str], Answer]


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. `secret` "" is a public client."""

    id: str
    secret: str

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        """A client names it."""

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or DEFAULT_SCOPE

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """HTTPS, or a machine's own loopback."""
        url = urlsplit(redirect_uri)
        own = url.hostname in ("127.0.0.1", "localhost", "::1", "testserver")
        return url.scheme == "https" or (url.scheme == "http" and own)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") != bool(self.secret)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("authorization_code", "refresh_token")


@dataclass(frozen=True, slots=True)
class Code:
    """What was allowed, until it is exchanged."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str
    ends_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, slots=True)
class Token:
    """A granted pair."""

    access: str
    renewal: str
    client_id: str
    scope: str
    ends_at: float
    revoked: int

    def check_client(self, client: Client) -> bool:
        return bool(self.client_id == client.id)

    def get_scope(self) -> str:
        return self.scope


class _Payload(BasicOAuth2Payload):  # type: ignore[misc]
    def __init__(self, many: Query) -> None:
        super().__init__({name: values[0] for name, values in many.items()})
        self._datalist = defaultdict(list, many)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, query: Query, form: Query, headers: Mapping[str, str]) -> None:
        super().__init__(method, "https://sandbox/oauth", headers=headers)  # a loopback needs no TLS
        self.payload = _Payload(query | form)
        self._form = {name: values[0] for name, values in form.items()}

    @property
    def args(self) -> dict[str, str]:
        return dict(self.payload.data)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    server: "_Server"
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: _Request) -> None:
        self.server.permissions.add_code(
            Code(
                code,
                request.client.id,
                request.payload.redirect_uri or "",
                request.scope,
                request.payload.data.get("code_challenge", ""),
                request.payload.data.get("code_challenge_method", ""),
                self.server.permissions.clock() + CODE_LIFE,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Once: whoever asks, right or wrong, uses it up."""
        return self.server.permissions.take_code(code, client.id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is gone already."""

    def authenticate_user(self, authorization_code: Code) -> str:
        return OWNER


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    server: "_Server"
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        return self.server.permissions.token("renewal", refresh_token)

    def authenticate_user(self, refresh_token: Token) -> str:
        return OWNER

    def revoke_old_credential(self, refresh_token: Token) -> None:
        self.server.permissions.revoke(refresh_token)


class _Challenge(CodeChallenge):  # type: ignore[misc]
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with S256 is asked for.")
        super().validate_code_challenge(grant, redirect_uri)


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    server: "_Server"
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        permissions = self.server.permissions
        return permissions.token("access", token_string) or permissions.token("renewal", token_string)

    def revoke_token(self, token: Token, request: _Request) -> None:
        self.server.permissions.revoke(token)


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, permissions: "Permissions") -> None:
        super().__init__()
        self.permissions = permissions
        self.register_grant(_CodeGrant, [_Challenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)
        self.register_token_generator("default", permissions.new_token)

    def query_client(self, client_id: str) -> Client | None:
        known = self.permissions.client
        return Client(client_id, known.secret) if known.id in ("", client_id) else None

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        self.permissions.add_token(token, request.client.id)

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        told = dict(headers)
        content_type = told.pop("Content-Type", "application/json")
        return Answer(status, body if body or body == {} else b"", content_type, told)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class Permissions:
    """What the sandbox's owner has allowed. `client` is the one that may ask (its id "": any); tokens live
    for `life` seconds."""

    def __init__(
        self, store: Store, client: Client, life: float, clock: Callable[[], float], page: Page
    ) -> None:
        self._store, self.client, self._life, self.clock, self._page = store, client, life, clock, page
        self._server = _Server(self)
        self._one_at_a_time = threading.Lock()  # so that a refresh token is used once

    def lets_in(self, access: str) -> bool:
        """Whether this access token holds now."""
        token = self.token("access", access)
        return token is not None and token.ends_at > self.clock()

    def answer(self, method: str, path: str, query: Query, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The page or answer at a path under /oauth/."""
        form = parse_qs(body.decode(errors="replace")) if body else {}
        with self._one_at_a_time:
            if path == "/oauth/authorize":
                return self._authorize(_Request(method, query, {}, headers), form.get("answer", [""])[0])
            request = _Request(method, {}, form, headers)
            if path == "/oauth/token":
                answer = self._server.create_token_response(request)
            elif path == "/oauth/revoke":
                answer = self._server.create_endpoint_response("revocation", request)
            else:
                answer = Answer(404, {"error": "not_found"})
        assert isinstance(answer, Answer)  # noqa: S101 - what `handle_response` makes
        return answer

    def _authorize(self, request: _Request, said: str) -> Answer:
        try:
            grant = self._server.get_consent_grant(request, OWNER)
        except OAuth2Error as error:
            return self._page({"error": error.description or error.error}, 400, "")
        if request.method == "POST":
            owner = OWNER if said == "allow" else None
            answer = self._server.create_authorization_response(request, owner, grant=grant)
            assert isinstance(answer, Answer)  # noqa: S101 - as above
            return answer
        url = urlsplit(grant.redirect_uri)
        origin = f"{url.scheme}://{url.netloc}"
        values = {"client": request.client.id, "scopes": request.scope.split(), "back": origin}
        return self._page(values, 200, origin)

    # the rows ---------------------------------------------------------------------------------------------

    def new_token(self, scope: str, include_refresh_token: bool = True, **_: Any) -> dict[str, Any]:
        pair = {"refresh_token": secrets.token_urlsafe(32)} if include_refresh_token else {}
        told = {"token_type": "Bearer", "access_token": secrets.token_urlsafe(32), "scope": scope}
        return {**told, "expires_in": round(self._life), **pair}

    def add_token(self, token: dict[str, Any], client_id: str) -> None:
        self._store.run(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 0)",
            *(token["access_token"], token.get("refresh_token", ""), client_id, token["scope"]),
            self.clock() + self._life,
        )

    def token(self, column: str, value: str) -> Token | None:
        """A granted pair by "access" or "renewal", unless it was revoked."""
        sql = f"SELECT * FROM tokens WHERE {column} = ? AND {column} <> '' AND NOT revoked"  # noqa: S608
        return next((Token(*row) for row in self._store.rows(sql, value)), None)

    def revoke(self, token: Token) -> None:
        self._store.run("UPDATE tokens SET revoked = 1 WHERE access = ?", token.access)

    def revoke_all(self) -> None:
        """The owner takes back everything."""
        self._store.run("UPDATE tokens SET revoked = 1")

    def end_all(self) -> None:
        """Every access token is over; refresh tokens stay."""
        self._store.run("UPDATE tokens SET ends_at = 0")

    def add_code(self, code: Code) -> None:
        values = (getattr(code, name) for name in Code.__slots__)
        self._store.run("INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?)", *values)

    def take_code(self, code: str, client_id: str) -> Code | None:
        with self._store:
            rows = self._store.rows("SELECT * FROM codes WHERE code = ?", code)
            self._store.run("DELETE FROM codes WHERE code = ?", code)
        found = next((Code(*row) for row in rows), None)
        fresh = found is not None and found.client_id == client_id and found.ends_at > self.clock()
        return found if fresh else None
