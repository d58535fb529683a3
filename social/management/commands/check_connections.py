import sys
from typing import Any

from django.core.management.base import BaseCommand

from integrations.errors import ProviderError
from social.publishing import access, connect, providers


class Command(BaseCommand):
    help = "Ask each provider whether it lets HotDash in: one line each; the exit code is 1 when one fails."

    def handle(self, *args: Any, **options: Any) -> None:
        told = [("Publer", *_publer()), *((one.provider.label, *_other(one)) for one in providers.OTHERS)]
        for name, words, _ in told:
            self.stdout.write(f"{name}: {words}")
        if not all(works for *_, works in told):
            sys.exit(1)


def _publer() -> tuple[str, bool]:
    """What to say, and whether it works; one that is not set up does not fail."""
    if not access.is_set_up():
        return "not set up (PUBLER_API_KEY, or Integrations in the admin)", True
    try:
        _, accounts = connect.test()
    except ProviderError as error:
        return f"fails: {_line(error.message)}", False
    return f"works, {connect.current()}, {accounts} account{'' if accounts == 1 else 's'}", True


def _other(one: providers.Other) -> tuple[str, bool]:
    if not one.is_set_up():
        return f"not set up ({one.names})", True
    try:
        _, name = providers.test(one)
    except ProviderError as error:
        return f"fails: {_line(error.message)}", False
    return f"works, {name}", True


def _line(words: str) -> str:
    return " ".join(words.split())
