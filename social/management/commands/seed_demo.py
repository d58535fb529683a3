from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from social.demo import bulk, seed


class Command(BaseCommand):
    help = "Fill the connected workspace with a demo shop's people and proposals. Twice gives the same."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--posts", type=int, default=0, metavar="N", help="besides, N finished posts, for measuring"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = seed.seed()
            finished = bulk.top_up(options["posts"])
        except seed.NoChannels as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{made} demo posts made." if made else "The demo is there already.")
        if options["posts"]:
            self.stdout.write(f"{finished} finished posts made.")
