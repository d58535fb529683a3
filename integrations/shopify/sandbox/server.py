"""The sandbox's HTTP: tokens, points, and which operation is answered.

/admin/oauth/access_token         POST: the client-credentials grant
/admin/api/VERSION/graphql.json   POST: the operations of `queries/`, in the one version there is
/pictures/HANDLE.svg              a product's picture
"""

import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from integrations.serving import Answer
from integrations.shopify.sandbox.shop import Shop
from integrations.standin import MODES, Request, StandIn

VERSION = "2026-10"
WRONG_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"  # noqa: S105
REQUESTED = {"shop": 1, "orders": 62, "low_stock": 57, "product": 9}
"""What each operation asks of the bucket; it is charged the part that it used."""
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="600"><rect width="600" height="600" '
    'fill="#e9e1d6"/><text x="300" y="310" text-anchor="middle" font-family="sans-serif" font-size="36" '
    'fill="#6b5d4f">{}</text></svg>'
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a sandbox is set up. With neither a token nor an app's id, any token is taken."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    client_id: str = ""
    client_secret: str = ""
    lifetime: int = 86_399
    maximum: int = 2000
    restore: float = 100.0


class Bucket:
    """`maximum` points, `restore` of which come back a second."""

    def __init__(self, maximum: int, restore: float, clock: Callable[[], float]) -> None:
        self.maximum, self.restore, self._clock = maximum, restore, clock
        self._level, self._at = float(maximum), clock()
        self._lock = threading.Lock()

    def change(self, by: float) -> bool:
        """Take points or give them back; False, and nothing changes, where there are not so many."""
        with self._lock:
            now = self._clock()
            self._level = min(self.maximum, self._level + (now - self._at) * self.restore)
            self._at = now
            if self._level + by < 0:
                return False
            self._level = min(self.maximum, self._level + by)
            return True

    def empty(self) -> None:
        with self._lock:
            self._level, self._at = 0.0, self._clock()

    def status(self) -> dict[str, float]:
        self.change(0)
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": int(self._level),
            "restoreRate": float(self.restore),
        }


class Sandbox(StandIn):
    """A stand-in for one shop. `clock` gives unix seconds."""

    name = "ShopifySandbox"
    faults_of: ClassVar[Mapping[str, Mapping[str, str]]] = {"any": MODES}

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        super().__init__(settings.host, settings.port)
        self.settings, self.clock = settings, clock
        self.bucket = Bucket(settings.maximum, settings.restore, clock)
        self.granted: dict[str, float] = {}
        self.shop = Shop(self.url)

    def answer(self, request: Request) -> Answer:
        if found := re.fullmatch(r"/pictures/([\w-]+)\.svg", request.path):
            return Answer(200, PICTURE.format(found[1]).encode(), "image/svg+xml")
        if (request.method, request.path) == ("POST", "/admin/oauth/access_token"):
            return self._count("access_token", self._grant(request.form))
        if request.method == "POST" and re.fullmatch(r"/admin/api/[\w-]+/graphql\.json", request.path):
            name = str(request.json.get("operationName"))
            allowed = self._accepts(request.headers.get("X-Shopify-Access-Token", ""))
            return self._count(name, self._query(request.json) if allowed else self.refusal(request))
        return Answer(404, {"errors": "Not Found"})

    def refusal(self, request: Request) -> Answer:
        if request.path.endswith("/access_token"):
            words = "Client credentials cannot be performed on this shop."
            return Answer(400, {"error": "shop_not_permitted", "error_description": words})
        return Answer(401, {"errors": WRONG_TOKEN})

    def throttled(self, request: Request) -> Answer:
        self.bucket.empty()
        return self._throttled(REQUESTED.get(str(request.json.get("operationName")), 1))

    # --------------------------------------------------------------------------------------------------

    def _grant(self, form: Mapping[str, str]) -> Answer:
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        known, given = self.settings, (form.get("client_id", ""), form.get("client_secret", ""))
        if not all(given) or (known.client_id and given != (known.client_id, known.client_secret)):
            return Answer(
                401, {"error": "invalid_client", "error_description": "Client authentication failed"}
            )
        token = f"shpat_{secrets.token_hex(16)}"
        self.granted[token] = self.clock() + known.lifetime
        scope = "read_inventory,read_orders,read_products"
        return Answer(200, {"access_token": token, "scope": scope, "expires_in": known.lifetime})

    def _accepts(self, token: str) -> bool:
        if self.granted.get(token, 0) > self.clock():
            return True
        if self.settings.token:
            return hmac.compare_digest(token.encode(), self.settings.token.encode())
        return bool(token) and not self.settings.client_id and token not in self.granted

    def _query(self, body: dict[str, Any]) -> Answer:
        name, variables = str(body.get("operationName")), body.get("variables") or {}
        requested = REQUESTED.get(name)
        if requested is None or not str(body.get("query", "")).strip():
            error = {"message": f"No operation named {name!r}", "extensions": {"code": "undefinedOperation"}}
            return self._said({"errors": [error]})
        if not self.bucket.change(-requested):
            return self._throttled(requested)
        data, objects = self._data(name, str(body["query"]), variables)
        actual = min(requested, 1 + objects)
        self.bucket.change(requested - actual)
        return self._said({"data": data, "extensions": {"cost": self._cost(requested, actual)}})

    def _data(self, name: str, query: str, variables: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
        """The operation's answer, and how many objects stand in it."""
        search, now = str(variables.get("search")), datetime.fromtimestamp(self.clock(), UTC)
        if name == "shop":
            return {"shop": self.shop.shop()}, 0
        if name == "product":
            data: dict[str, Any] = {"productByIdentifier": self.shop.product(str(variables.get("handle")))}
            if variables.get("with_variant"):
                data["productVariant"] = self.shop.variant(str(variables.get("variant")))
            return data, 8
        size = int((re.search(r"first: (\d+)", query) or "00")[1])
        if name == "orders":
            page = _page(self.shop.orders(now, search), size, variables.get("after"))
            waiting = {"count": self.shop.waiting(now), "precision": "EXACT"}
            return {"waiting": waiting, "orders": page}, len(page["nodes"])
        page = _page(self.shop.variants(search), size, variables.get("after"))
        return {"productVariants": page}, len(page["nodes"])

    def _throttled(self, requested: int) -> Answer:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        return self._said({"errors": [error], "extensions": {"cost": self._cost(requested, None)}})

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        return {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": self.bucket.status(),
        }

    def _said(self, body: dict[str, Any]) -> Answer:
        return Answer(200, body, headers={"X-Shopify-API-Version": VERSION})

    def _count(self, name: str, answer: Answer) -> Answer:
        self.calls[name] += 1
        errors = isinstance(answer.body, dict) and "data" not in answer.body and "errors" in answer.body
        if answer.status >= 400 or errors:
            self.refused[name] += 1
        return answer


def _page(found: list[dict[str, Any]], size: int, after: object) -> dict[str, Any]:
    begin = int(str(after)) if after else 0
    end = begin + size
    more = end < len(found)
    return {
        "nodes": found[begin:end],
        "pageInfo": {"hasNextPage": more, "endCursor": str(min(end, len(found)))},
    }
