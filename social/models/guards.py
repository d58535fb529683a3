"""Triggers by which the database itself refuses to change or delete history."""

from collections.abc import Sequence

FIRST = ("social_approval", "social_event", "social_revision")
"""The tables that the first migration of triggers guards; each later one comes with its own."""
APPEND_ONLY = (*FIRST, "social_switch")


def create_sql(vendor: str, tables: Sequence[str] = FIRST) -> list[str]:
    """Statements that make the triggers, for "sqlite" or "postgresql"."""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for table in tables
            for verb in ("UPDATE", "DELETE")
        ]
    return [
        "CREATE OR REPLACE FUNCTION hotdash_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation'; END $$",
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION hotdash_append_only()"
            for table in tables
        ),
    ]


def drop_sql(vendor: str, tables: Sequence[str] = FIRST) -> list[str]:
    """Statements that take them away again: for going back a migration, and for emptying a test database."""
    if vendor == "sqlite":
        return [
            f"DROP TRIGGER IF EXISTS {table}_no_{verb}" for table in tables for verb in ("update", "delete")
        ]
    return [f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}" for table in tables]
