"""Run the stand-in for Chatwoot until it is told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import environ
from django.core.management.base import BaseCommand

from integrations.chatwoot.sandbox.inbox import ACCOUNT
from integrations.chatwoot.sandbox.server import Sandbox, Settings

env = environ.FileAwareEnv()


class Command(BaseCommand):
    help = "Run a stand-in for Chatwoot with a small shop's inbox."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="0 (the default) picks a free one")
        parser.add_argument("--host", default="127.0.0.1")

    def handle(self, *args: Any, **options: Any) -> None:
        token = env.str("CHATWOOT_API_TOKEN", default="").strip()
        sandbox = Sandbox(Settings(host=options["host"], port=options["port"], token=token))
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        sandbox.start()
        self.stdout.write(f"Chatwoot sandbox: CHATWOOT_BASE_URL={sandbox.url} CHATWOOT_ACCOUNT_ID={ACCOUNT}")
        self.stdout.flush()
        ended.wait()
        sandbox.stop()
