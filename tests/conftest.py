"""What every test may use. `tests.environment` comes first: it decides what the settings will read."""

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models.signals import post_migrate
from django.dispatch import receiver

from tests import environment
from tests.stack import Stack

django.setup()
# By it xdist's processes would read the settings before they have an environment of their own.
os.environ.pop("DJANGO_SETTINGS_MODULE", None)
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; nobody attacks a test

pytest_plugins = ["tests.browsing"]

hypothesis.settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("house")


def contracts() -> Path | None:
    """Return the folder with the providers' published contracts, or None where this checkout has none."""
    path = Path(os.environ.get("CONTRACTS_DIR") or environment.ROOT.parent / "shared" / "contracts")
    return path if path.is_dir() else None


@pytest.fixture(scope="session")
def contracts_dir() -> Path:
    path = contracts()
    if path is None:
        pytest.skip("no contracts here: CONTRACTS_DIR names their folder")
    return path


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite as in production, a file, so that threads wait for each other; only without the sync to disk."""
    database: dict[str, Any] = settings.DATABASES["default"]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database["TEST"] = {
            **database.get("TEST", {}),
            "NAME": str(tmp_path_factory.mktemp("database") / "test.sqlite3"),
        }
        options = database["OPTIONS"]
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")


@receiver(post_migrate, sender=apps.get_app_config("django_celery_beat"))
def _what_migrations_made(**_: Any) -> None:
    """A transactional test empties the tables at its end, of what migrations filled in, too: again."""
    made = importlib.import_module("social.migrations.0002_history_groups_engine")
    connect = importlib.import_module("social.migrations.0004_operators_connect")
    forget = importlib.import_module("social.migrations.0020_forget_old_answers")
    figures = importlib.import_module("social.migrations.0050_figures")
    watch = importlib.import_module("social.migrations.0070_watch")
    saved = importlib.import_module("social.migrations.0140_saved_words")
    planning = importlib.import_module("social.migrations.0120_planning")
    with connection.schema_editor() as editor:
        for fill in (
            made.make_groups,
            made.make_engine,
            made.make_beat_entries,
            connect.let_operators_connect,
            forget.make_beat_entry,
            figures.make_entries,
            watch.let_operators_watch,
            watch.make_entry,
            planning.let_approvers_and_operators_plan,
            saved.let_writers_keep_words,
        ):
            fill(apps, editor)


@pytest.fixture(scope="session", autouse=True)
def _history_can_be_emptied() -> Iterator[None]:
    """Lift the triggers that guard history while a transactional test's tables are emptied.

    Only SQLite needs it: elsewhere emptying is TRUNCATE, of which those triggers know nothing.
    """
    from social.models import guards

    if connection.vendor != "sqlite":
        yield
        return
    # The class, not the object: under a browser's event loop Django opens another connection.
    operations = type(connection.ops)
    flush = operations.sql_flush

    def unguarded(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        statements = flush(self, *args, **kwargs)
        every = guards.APPEND_ONLY
        return statements and [
            *guards.drop_sql("sqlite", every),
            *statements,
            *guards.create_sql("sqlite", every),
        ]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "sql_flush", unguarded)
        yield


@pytest.fixture(autouse=True)
def _empty_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """What one test cached or counted is no other's."""
    yield
    if "django_db" in request.keywords or "db" in request.fixturenames:
        cache.clear()


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """`new_stack(NAME="value", …)`: a `Stack` with these settings, nothing of it running yet."""
    stacks: list[Stack] = []

    def make(**settings: str) -> Stack:
        stacks.append(Stack(tmp_path / f"stack-{len(stacks)}", **settings))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.stop()


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Stack:
    """All processes running, short clocks, the sandbox's accounts known."""
    return new_stack().up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failing test shows what its processes said."""
    report = yield
    if report.failed:
        for stack in Stack.alive:
            report.sections += [(f"log of {name}", log[-6000:]) for name, log in stack.logs().items()]
    return report
