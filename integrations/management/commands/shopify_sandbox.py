"""Run the stand-in for Shopify's Admin API until it is told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import environ
from django.core.management.base import BaseCommand

from integrations.shopify.sandbox.server import Sandbox, Settings

env = environ.FileAwareEnv()


class Command(BaseCommand):
    help = "Run a stand-in for Shopify's Admin API with a small shop."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="0 (the default) picks a free one")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--maximum", type=int, default=2000, help="points in the bucket")
        parser.add_argument("--restore", type=float, default=100.0, help="points that come back a second")

    def handle(self, *args: Any, **options: Any) -> None:
        sandbox = Sandbox(
            Settings(
                host=options["host"],
                port=options["port"],
                token=env.str("SHOPIFY_ACCESS_TOKEN", default="").strip(),
                client_id=env.str("SHOPIFY_CLIENT_ID", default="").strip(),
                client_secret=env.str("SHOPIFY_CLIENT_SECRET", default="").strip(),
                maximum=options["maximum"],
                restore=options["restore"],
            )
        )
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        sandbox.start()
        self.stdout.write(f"Shopify sandbox: SHOPIFY_BASE_URL={sandbox.url}")
        self.stdout.flush()
        ended.wait()
        sandbox.stop()
