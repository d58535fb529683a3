from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from social import audit


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ArgumentTypeError(f"{written!r} is not a day: write it like 2026-11-24") from None


class Command(BaseCommand):
    help = "Write the audit trail of these days (by the shop's clock, both included) to stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first", type=_day, metavar="DATE", help="the first day")
        parser.add_argument("--to", dest="last", type=_day, metavar="DATE", help="the last day")
        parser.add_argument("--format", choices=("csv", "json"), default="csv")
        parser.add_argument("--actor", default="", help="only of whoever is called so, or signs in so")
        parser.add_argument("--verb", default="", help="only this, for example approve")
        parser.add_argument("--post", type=int, help="only of the post with this id")

    def handle(self, *args: Any, **options: Any) -> None:
        first, last = options["first"], options["last"]
        if first and last and first > last:
            raise CommandError("The last day is before the first one.")
        found = audit.events(first, last, actor=options["actor"], verb=options["verb"], post=options["post"])
        write = audit.write_csv if options["format"] == "csv" else audit.write_json
        write(found, self.stdout)  # type: ignore[arg-type]
