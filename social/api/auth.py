"""Who calls: a program by its token, or signed-in staff. What they may not is refused at the door."""

from datetime import timedelta
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from social.api import body, quota
from social.api.problems import FORGED, NOT_ALLOWED, SCOPE_MISSING, Problem, not_signed_in
from social.models import ApiToken
from social.models.token import hashed
from social.workflow import Actor

NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: a write with every read would cost more than it tells."""


def may(scope: str, permission: str) -> list[AuthBase]:
    """The door of a call: a token with this scope, or staff with this permission."""
    return [Token(scope), Session(permission)]


def caller(request: HttpRequest) -> Actor:
    """Who came through the door."""
    return cast(Actor, request.auth)  # type: ignore[attr-defined]


class Token(AuthBase):
    """`Authorization: Bearer …`. Where that header stands it alone counts, whoever is signed in besides."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_description = "A token made with `manage.py create_api_token` or in the admin."

    def __init__(self, scope: str = "") -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> Actor | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer":
            raise not_signed_in("Send the token as “Authorization: Bearer …”.", error="invalid_request")
        token = _known(hashed(secret.strip()))
        if token is None or not token.usable:
            raise not_signed_in("The token is unknown or revoked.", error="invalid_token")
        request.token_of_program = token  # type: ignore[attr-defined]
        quota.not_stopped(token)
        if self.scope not in token.scopes:
            raise Problem(
                SCOPE_MISSING,
                f"The token “{token.name}” lacks the scope {self.scope}.",
                scope=self.scope,
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.scope}"'},
            )
        _note_use(token)
        body.read(request)
        return Actor(token.user, token)


class Session(AuthBase):
    """Staff who are signed in. A write carries the CSRF token, as in the admin."""

    openapi_type = "apiKey"
    openapi_in = "cookie"
    openapi_name = settings.SESSION_COOKIE_NAME
    openapi_description = "Signed-in staff. A write needs the header `X-CSRFToken` besides."
    csrf = True  # lets the browsable documents send it

    def __init__(self, permission: str = "") -> None:
        self.permission = permission
        super().__init__()

    def __call__(self, request: HttpRequest) -> Actor | None:
        if "Authorization" in request.headers:
            return None
        user = request.user
        if not isinstance(user, User) or not user.is_staff:
            return None
        body.read(request)
        if check_csrf(request) is not None:
            raise Problem(FORGED)
        if not user.has_perm(self.permission):
            raise Problem(
                NOT_ALLOWED, f"You lack the permission {self.permission}.", permission=self.permission
            )
        return Actor(user)


def _known(digest: str) -> ApiToken | None:
    try:
        return ApiToken.objects.select_related("user").order_by().get(digest=digest)
    except ApiToken.DoesNotExist:
        return None


def _note_use(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
