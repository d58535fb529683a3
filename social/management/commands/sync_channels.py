from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.errors import ProviderError
from social.publishing import access, connect


class Command(BaseCommand):
    help = "Read the accounts that Publer has connected; print how many."

    def handle(self, *args: Any, **options: Any) -> None:
        if not access.is_set_up():
            raise CommandError(
                "Publer is not connected: set PUBLER_API_KEY, or connect it under Integrations."
            )
        try:
            self.stdout.write(str(connect.sync_channels()))
        except ProviderError as error:
            raise CommandError(error.message) from None
