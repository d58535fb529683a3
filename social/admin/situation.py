"""What holds for everything at this moment, read once a request."""

from django.http import HttpRequest

from social.explain import Situation


def situation_of(request: HttpRequest) -> Situation:
    """The one that the bar above the page has read, or else a fresh one."""
    bar = getattr(request, "hotdash_bar", None)
    known = getattr(bar, "situation", None)
    return known if isinstance(known, Situation) else Situation.read()
