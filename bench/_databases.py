"""The databases that a benchmark is measured on: SQLite, and PostgreSQL where it answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

POSTGRES = "postgres://postgres@127.0.0.1:5432/postgres"


def names() -> list[str]:
    """Those that are there. `BENCH_DATABASES=sqlite` or `postgresql` leaves the other out."""
    wanted = [one for one in os.environ.get("BENCH_DATABASES", "sqlite,postgresql").split(",") if one]
    return [name for name in wanted if name == "sqlite" or _answers()]


@contextmanager
def on(name: str) -> Iterator[None]:
    """A `Stack` that is made inside has its database there."""
    before = os.environ.pop("DATABASE_URL", None)
    if name == "postgresql":
        os.environ["DATABASE_URL"] = _server(before)
    try:
        yield
    finally:
        os.environ.pop("DATABASE_URL", None)
        if before is not None:
            os.environ["DATABASE_URL"] = before


def _server(given: str | None) -> str:
    return given if given and given.startswith("postgres") else POSTGRES


def _answers() -> bool:
    try:
        psycopg.connect(_server(os.environ.get("DATABASE_URL")), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
