"""Run the stand-in for Publer's API until it is told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

import environ
from django.conf import settings
from django.core.management.base import BaseCommand

from integrations.publer.sandbox.server import Sandbox, Settings

env = environ.FileAwareEnv()


class Command(BaseCommand):
    help = "Run a stand-in for Publer's API, with a feed of what the public would see."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="0 (the default) picks a free one")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument(
            "--data", default=settings.BASE_DIR / "var" / "publer-sandbox.sqlite3", help="the data file"
        )
        parser.add_argument(
            "--limit", type=int, default=env.int("PUBLER_RATE_LIMIT", default=100), help="calls a window"
        )
        parser.add_argument(
            "--period",
            type=float,
            default=env.float("PUBLER_RATE_PERIOD", default=120.0),
            help="seconds of a window",
        )
        parser.add_argument(
            "--delay", type=float, default=0.3, help="seconds that a job waits before it is worked on"
        )
        parser.add_argument(
            "--spread", type=float, default=0.0, help="seconds that a job may wait longer, at random"
        )
        parser.add_argument(
            "--accounts", type=int, default=0, help="so many made-up accounts beside the shop's"
        )
        parser.add_argument(
            "--workspaces", type=int, default=0, help="so many further workspaces, with nothing in them"
        )
        parser.add_argument(
            "--token-life", type=float, default=3600.0, help="seconds that a granted token holds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sandbox = Sandbox(
            Settings(
                data=options["data"],
                host=options["host"],
                port=options["port"],
                api_key=env.str("PUBLER_API_KEY", default="").strip(),
                workspace_id=env.str("PUBLER_WORKSPACE_ID", default="").strip(),
                plan=env.str("PUBLER_PLAN", default="business"),
                limit=options["limit"],
                period=options["period"],
                gap=env.float("PUBLISH_GAP_SECONDS", default=60.0),
                delay=options["delay"],
                spread=options["spread"],
                further_accounts=options["accounts"],
                further_workspaces=options["workspaces"],
                oauth_client_id=env.str("PUBLER_OAUTH_CLIENT_ID", default="").strip(),
                oauth_client_secret=env.str("PUBLER_OAUTH_CLIENT_SECRET", default="").strip(),
                token_life=options["token_life"],
            )
        )
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        sandbox.start()
        self.stdout.write(f"Publer sandbox: {sandbox.url}/sandbox/ (API at {sandbox.url}/api/v1)")
        self.stdout.flush()
        ended.wait()
        sandbox.stop()
