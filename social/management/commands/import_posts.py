from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from social.importing import LARGEST, import_posts
from social.workflow import Actor


class Command(BaseCommand):
    help = "Make drafts of a file's rows. One bad row, and none is made, unless --keep-good."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv|.json")
        parser.add_argument("--user", help="who writes them: a sign-in name; else the oldest author")
        parser.add_argument("--keep-good", action="store_true", help="import the good rows all the same")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        user = self._user(options["user"])
        try:
            with file.open("rb") as opened:
                data = opened.read(LARGEST + 1)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
        outcome = import_posts(data, file.name, Actor(user), keep_good=options["keep_good"])
        for row in outcome.bad:
            self.stderr.write(str(row))
        if outcome.bad and not outcome.made:
            raise CommandError(f"Nothing was imported: {len(outcome.bad)} to mend.")
        left = f", {len(outcome.bad)} left out" if outcome.bad else ""
        number = len(outcome.made)
        self.stdout.write(f"{number} draft{'' if number == 1 else 's'} made for {user.get_username()}{left}.")

    def _user(self, name: str | None) -> User:
        people = User.objects.filter(is_active=True, is_staff=True).order_by("pk")
        if name is not None:
            people = people.filter(username=name)
        user = next((one for one in people if one.has_perm("social.add_post")), None)
        if user is None:
            who = f"{name!r} is no active person who" if name is not None else "There is nobody yet who"
            raise CommandError(f"{who} may write posts.")
        return user
