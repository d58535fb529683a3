import secrets
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.encryption import Undecipherable
from integrations.errors import ProviderError
from integrations.publer.oauth import Grant
from social.publishing import access, connect


class Command(BaseCommand):
    help = (
        "Connect the sandbox at PUBLER_BASE_URL by a key kept as under Integrations, unless something that "
        "lets HotDash in is kept already; print how many accounts there are."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PUBLER_API_KEY:
            raise CommandError("The environment's key comes first: take PUBLER_API_KEY out of it.")
        elsewhere = Credential.objects.filter(
            connection__provider=Connection.Provider.PUBLER, connection__sandbox_feed=""
        )
        if other := elsewhere.select_related("connection").first():
            raise CommandError(
                f"{other.connection} at {other.connection.base_url} is connected here already."
            )
        try:
            if _holds(access.stored()):
                count = connect.sync_channels()
            else:  # which takes any key
                _, count = connect.adopt(Credential.Kind.KEY, Grant(secrets.token_urlsafe(24)), None)
        except ProviderError as error:
            raise CommandError(error.message) from None
        self.stdout.write(str(count))


def _holds(credential: Credential | None) -> bool:
    try:
        return credential is not None and not credential.ended_at and bool(credential.open_secret())
    except Undecipherable:
        return False
