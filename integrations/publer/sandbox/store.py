"""What the sandbox remembers, in one SQLite file: accounts, pictures, jobs, posts.

One connection behind one lock serves all threads; `with store:` is a transaction. Times are unix seconds.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, mime TEXT NOT NULL, name TEXT NOT NULL, caption TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, made_at REAL NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    status TEXT NOT NULL, due_at REAL NOT NULL, worked_at REAL, fault TEXT NOT NULL, message TEXT NOT NULL,
    entries TEXT NOT NULL, failures TEXT NOT NULL DEFAULT '[]', made TEXT NOT NULL DEFAULT '[]');
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due_at) WHERE worked_at IS NULL;
CREATE TABLE IF NOT EXISTS posts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL,
    account_id TEXT NOT NULL, provider TEXT NOT NULL, type TEXT NOT NULL, text TEXT NOT NULL,
    normal TEXT NOT NULL, link TEXT NOT NULL, media TEXT NOT NULL, state TEXT NOT NULL, made_at REAL NOT NULL,
    scheduled_at REAL, published_at REAL, public_number INTEGER, twice INTEGER NOT NULL DEFAULT 0,
    fate TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS posts_by_account ON posts (account_id, published_at);
CREATE INDEX IF NOT EXISTS posts_by_words ON posts (account_id, normal, published_at);
CREATE INDEX IF NOT EXISTS posts_by_public_number ON posts (public_number);
CREATE INDEX IF NOT EXISTS posts_due ON posts (scheduled_at) WHERE state = 'scheduled';
CREATE INDEX IF NOT EXISTS posts_twice ON posts (twice) WHERE twice;
CREATE TABLE IF NOT EXISTS refusals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, account_id TEXT NOT NULL,
    message TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
    challenge TEXT NOT NULL, method TEXT NOT NULL, ends_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    access TEXT PRIMARY KEY, renewal TEXT NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
    ends_at REAL NOT NULL, revoked INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Media:
    """An uploaded file, without its bytes (`Store.content` has them)."""

    id: str
    kind: str
    mime: str
    name: str
    caption: str
    width: int
    height: int
    made_at: float


@dataclass(slots=True)
class Job:
    """One asynchronous call of a client. `fault` is what it was told to do wrong, "" when nothing."""

    number: int
    id: str
    kind: str
    status: str
    due_at: float
    worked_at: float | None
    fault: str
    message: str
    entries: list[dict[str, Any]]
    failures: list[dict[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Post:
    """One post on one account. Public once `public_number`, its place in the order of publication, is set.

    `fate` is the fault that it will suffer later, "" when none.
    """

    id: str
    job_id: str
    account_id: str
    provider: str
    type: str
    text: str
    normal: str
    link: dict[str, str]
    media: list[dict[str, str]]
    state: str
    made_at: float
    scheduled_at: float | None = None
    published_at: float | None = None
    public_number: int | None = None
    twice: bool = False
    fate: str = ""
    number: int = 0

    @property
    def time(self) -> float:
        """When it went or goes public; for a draft, when it was made."""
        return self.published_at or self.scheduled_at or self.made_at


def new_id() -> str:
    """24 hexadecimal digits, as Publer's own ids."""
    return secrets.token_hex(12)


class Store:
    """The data file. `path` may be ":memory:"."""

    def __init__(self, path: str | Path) -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)

    def __enter__(self) -> "Store":
        self._lock.acquire()
        if self._depth == 0:
            self._db.execute("BEGIN IMMEDIATE")
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("ROLLBACK" if kind else "COMMIT")
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def number(self, sql: str, *values: object) -> int:
        """The single number that a query answers, 0 for none."""
        return int(self.rows(sql, *values)[0][0] or 0)

    def run(self, sql: str, *values: object) -> None:
        """Change something."""
        self._run(sql, *values)

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        with self._lock:
            return self._db.execute(sql, values)

    def fact(self, name: str, default: str) -> str:
        """A value that is kept for good; `default` becomes it the first time."""
        self._run("INSERT OR IGNORE INTO facts VALUES (?, ?)", name, default)
        return str(self.rows("SELECT value FROM facts WHERE name = ?", name)[0][0])

    # jobs ---------------------------------------------------------------------------------------------

    def add_job(
        self, kind: str, entries: list[dict[str, Any]], due_at: float, fault: str = "", message: str = ""
    ) -> Job:
        job_id = new_id()
        cursor = self._run(
            "INSERT INTO jobs (id, kind, status, due_at, fault, message, entries)"
            " VALUES (?, ?, 'working', ?, ?, ?, ?)",
            *(job_id, kind, due_at, fault, message, json.dumps(entries)),
        )
        return Job(cursor.lastrowid or 0, job_id, kind, "working", due_at, None, fault, message, entries)

    def job(self, job_id: str) -> Job | None:
        return next(map(_job, self.rows("SELECT * FROM jobs WHERE id = ?", job_id)), None)

    def due_jobs(self, now: float) -> list[Job]:
        sql = "SELECT * FROM jobs WHERE worked_at IS NULL AND due_at <= ? ORDER BY due_at, number"
        return [_job(row) for row in self.rows(sql, now)]

    def finish_job(self, job: Job) -> None:
        self._run(
            "UPDATE jobs SET status = ?, worked_at = ?, failures = ?, made = ? WHERE id = ?",
            *(job.status, job.worked_at, json.dumps(job.failures), json.dumps(job.made), job.id),
        )
        for failure in job.failures:
            self._run(
                "INSERT INTO refusals (at, account_id, message) VALUES (?, ?, ?)",
                *(job.worked_at, failure.get("account_id", ""), failure["message"]),
            )

    # posts --------------------------------------------------------------------------------------------

    def save_post(self, post: Post) -> None:
        """Insert a new post (`number` 0), or write all that may have changed of an old one, even its id."""
        if not post.number:
            post.number = (
                self._run("INSERT INTO posts VALUES (NULL" + ", ?" * 16 + ")", *_values(post)).lastrowid or 0
            )
            return
        columns = ", ".join(f"{name} = ?" for name in _COLUMNS)
        self._run(f"UPDATE posts SET {columns} WHERE number = ?", *_values(post), post.number)  # noqa: S608

    def posts(self, where: str = "1", *values: object) -> list[Post]:
        """The posts that match a condition of ours (never a client's text: that goes into `values`)."""
        return [_post(row) for row in self.rows(f"SELECT * FROM posts WHERE {where}", *values)]  # noqa: S608

    def count_posts(self, where: str, *values: object) -> int:
        return self.number(f"SELECT count(*) FROM posts WHERE {where}", *values)  # noqa: S608 (as above)

    def post(self, post_id: str) -> Post | None:
        return next(iter(self.posts("id = ?", post_id)), None)

    def delete_posts(self, ids: Iterable[str]) -> None:
        for post_id in ids:
            self._run("DELETE FROM posts WHERE id = ?", post_id)

    def next_due(self) -> float | None:
        """When the next job or scheduled post has to be worked on."""
        row = self.rows(
            "SELECT min(due) FROM (SELECT min(due_at) AS due FROM jobs WHERE worked_at IS NULL"
            " UNION ALL SELECT min(scheduled_at) FROM posts WHERE state = 'scheduled')"
        )[0]
        return None if row[0] is None else float(row[0])

    def empty(self) -> None:
        """Forget all posts, jobs and refusals. Pictures stay: a client may still know them by their ids."""
        with self:
            for statement in ("DELETE FROM posts", "DELETE FROM jobs", "DELETE FROM refusals"):
                self._run(statement)
            self._run("INSERT OR REPLACE INTO facts VALUES ('feed', ?)", new_id())

    # media --------------------------------------------------------------------------------------------

    def add_media(self, media: Media, content: bytes) -> None:
        self._run(
            "INSERT INTO media VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(
                media.id,
                media.kind,
                media.mime,
                media.name,
                media.caption,
                media.width,
                media.height,
                media.made_at,
            ),
            content,
        )

    def media(self) -> list[Media]:
        """All uploaded files, newest first."""
        rows = self.rows(
            "SELECT id, kind, mime, name, caption, width, height, made_at FROM media ORDER BY rowid DESC"
        )
        return [Media(*row) for row in rows]

    def content(self, media_id: str) -> tuple[str, bytes] | None:
        """MIME type and bytes of an uploaded file."""
        return next(
            ((r[0], r[1]) for r in self.rows("SELECT mime, content FROM media WHERE id = ?", media_id)), None
        )


_COLUMNS = tuple(name for name in Post.__slots__ if name != "number")


def _values(post: Post) -> list[object]:
    values = (getattr(post, name) for name in _COLUMNS)
    return [json.dumps(value) if isinstance(value, (dict, list)) else value for value in values]


def _post(row: sqlite3.Row) -> Post:
    values = dict(row)
    return Post(
        **{
            **values,
            "link": json.loads(row["link"]),
            "media": json.loads(row["media"]),
            "twice": bool(row["twice"]),
        }
    )


def _job(row: sqlite3.Row) -> Job:
    lists = {name: json.loads(row[name]) for name in ("entries", "failures", "made")}
    return Job(**{**dict(row), **lists})
