"""How each provider limits its callers: one line a provider."""

from collections.abc import Callable

from django.conf import settings

from integrations.ratelimit.points import Points
from integrations.ratelimit.windows import AlignedWindows, FixedWindow, Window

Policy = FixedWindow | Points

CHATWOOT_ROUTES = {
    "conversations/meta": (Window("meta", 30),),
    "contacts/search": (Window("contacts", 100),),
    "reports": (Window("reports of a token", 100), Window("reports of an account", 1000)),
}

POLICIES: dict[str, Callable[[], Policy]] = {
    "publer": lambda: FixedWindow(limit=settings.PUBLER_RATE_LIMIT, period=settings.PUBLER_RATE_PERIOD),
    "shopify": lambda: Points(maximum=2000, restore=100),
    "chatwoot": lambda: AlignedWindows(limit=3000, period=60, routes=CHATWOOT_ROUTES),
}
