"""The first two people of a fresh development database, so that one command is enough to try everything."""

import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.db import transaction

PEOPLE = {
    "ann": ("Ann", "Weber", ("Author",)),
    "bob": ("Bob", "Lindqvist", ("Approver", "Operator")),
}


class Command(BaseCommand):
    help = (
        "Only with DEBUG: where there is no user yet, make an author and an approver with random passwords, "
        "kept in var/sign-in. Print those that still hold: name, password and groups, parted by tabs."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            return
        kept: Path = settings.VAR_DIR / "sign-in"
        with transaction.atomic():
            if not get_user_model().objects.exists():
                _write_private(kept, "".join(f"{name}\t{_make(name)}\n" for name in PEOPLE))
        for line in kept.read_text().splitlines() if kept.exists() else ():
            name, password = line.split("\t")
            if authenticate(username=name, password=password):
                self.stdout.write("\t".join((name, password, " and ".join(PEOPLE[name][2]))))


def _make(name: str) -> str:
    """Make one of `PEOPLE`; return the password."""
    first, last, groups = PEOPLE[name]
    password = _readable_password()
    user = get_user_model().objects.create_user(
        name,
        f"{name}@kilnandlinen.example",
        password,
        first_name=first,
        last_name=last,
        is_staff=True,
    )
    user.groups.set([Group.objects.get(name=group) for group in groups])
    return password


def _readable_password() -> str:
    """Three words of three syllables that nobody has to spell: 57 bits."""

    def syllable() -> str:
        return secrets.choice("bdfghjklmnprstvwz") + secrets.choice("aeiou")

    return "-".join("".join(syllable() for _ in range(3)) for _ in range(3))


def _write_private(path: Path, content: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(content)
