from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from social.models import ApiToken
from social.models.token import SCOPES


class Command(BaseCommand):
    help = "Make an API token; print it, alone and only this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="the sign-in name of the person who answers for it")
        parser.add_argument("--name", required=True, help="what the screens show, for example content-agent")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=SCOPES,
            help="; ".join(f"{scope}: {meaning}" for scope, meaning in SCOPES.items()),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['user']!r}.")
        name = options["name"].strip()
        if not name or len(name) > 100:
            raise CommandError("The name has 1 to 100 characters.")
        _, secret = ApiToken.issue(user_id=user.pk, name=name, scopes=options["scope"])
        self.stdout.write(secret)
