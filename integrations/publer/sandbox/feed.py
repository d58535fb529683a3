"""What the public would see: the feed, one post, the pictures. Shows, never changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.template import Context, Engine

from integrations.publer.sandbox.faults import KINDS, MODES, Faults
from integrations.publer.sandbox.reading import Query
from integrations.publer.sandbox.rules import Account
from integrations.publer.sandbox.store import Post, Store
from integrations.serving import Answer

HERE = Path(__file__).parent
FONTS = Path(str(files("unfold"))) / "static/unfold/fonts/inter"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
POSTS_IN_A_COLUMN = 40
MOST_COLUMNS = 30
JUST_IN_SECONDS = 30
NETWORKS = {
    "instagram": ("Instagram", 125),
    "facebook": ("Facebook", 477),
    "twitter": ("X", None),
    "linkedin": ("LinkedIn", 210),
    "threads": ("Threads", None),
    "bluesky": ("Bluesky", None),
    "mastodon": ("Mastodon", None),
}
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self';"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A public post as a network draws it: `head` stands before "more", `rest` falls behind it."""

    post: Post
    account: Account
    look: str
    head: str
    rest: str
    pictures: list[dict[str, str]]
    card: dict[str, str] | None
    just_in: bool

    @property
    def name(self) -> str:
        return self.account.name.lstrip("@").partition(".bsky")[0].partition("@")[0]

    @property
    def handle(self) -> str:
        return self.account.name if self.account.name.startswith("@") else ""


class Feed:
    """The pages under /sandbox/, /p/ and /media/. `clock` gives unix seconds."""

    def __init__(
        self, store: Store, faults: Faults, accounts: Mapping[str, Account], clock: Callable[[], float]
    ) -> None:
        self.store, self.faults, self.accounts, self.clock = store, faults, accounts, clock
        # An engine of our own: the sandbox shows its pages without the rest of the project.
        marks = "integrations.publer.sandbox.marks"
        self._engine = Engine(
            dirs=[str(HERE / "templates")],
            builtins=["django.template.defaulttags", "django.template.defaultfilters", marks],
            loaders=[
                ("django.template.loaders.cached.Loader", ["django.template.loaders.filesystem.Loader"])
            ],
        )
        store.fact("feed", "1")

    def answer(self, path: str, query: Query) -> Answer | None:
        """The page at a path; None where there is none."""
        if path in ("/sandbox", "/sandbox/"):
            return self._html("feed.html", self._page())
        if path == "/sandbox/changes":
            after = next(iter(query.get("after", [])), "0")
            return Answer(200, self._changes(int(after) if after.isdecimal() else 0))
        room, _, name = path.lstrip("/").rpartition("/")
        if room == "sandbox/static":
            return _static(name)
        if room == "media":
            return self._picture(name)
        if room == "p":
            post = self.store.post(name)
            shown = self._shown(post) if post and post.state == "published" else None
            return self._html("one.html", {"shown": shown}, 200 if shown else 404)
        return None

    def authorize(self, values: dict[str, Any], status: int, goes_to: str) -> Answer:
        """The question whether a client may come in; its answer leads the browser to `goes_to`."""
        page = self._html("authorize.html", values, status)
        policy = SAFETY["Content-Security-Policy"].replace(
            "form-action 'self'", f"form-action 'self' {goes_to}"
        )
        return replace(page, headers={**SAFETY, "Content-Security-Policy": policy})

    def _html(self, template: str, values: dict[str, Any], status: int = 200) -> Answer:
        page = self._render(template, values).encode()
        return Answer(status, page, "text/html; charset=utf-8", SAFETY)

    def _render(self, template: str, values: dict[str, Any]) -> str:
        return str(self._engine.get_template(template).render(Context(values, use_l10n=False)))

    def _page(self) -> dict[str, Any]:
        waiting = self._waiting()
        columns = [
            {
                "account": account,
                "network": NETWORKS.get(account.provider, (account.provider.title(), None))[0],
                "count": self._published(account.id),
                "waiting": waiting.get(account.id),
                "posts": [self._shown(post) for post in self._latest(account.id)],
            }
            for account in self._accounts_shown()
        ]
        active = self.faults.active()
        chosen = {fault.kind: fault for fault in active}
        kinds = [
            {"kind": kind, "words": KINDS[kind], "modes": MODES[kind], "chosen": chosen.get(kind)}
            for kind in KINDS
        ]
        return {
            "columns": columns,
            "facts": self._facts(),
            "faults": active,
            "kinds": kinds,
            "first": active[0] if active else None,
            "refusals": self._refusals(),
            "cursor": self._cursor(),
            "feed": self.store.fact("feed", "1"),
        }

    def _changes(self, after: int) -> dict[str, Any]:
        """What happened since the post with this public number, for a page that is open."""
        fresh = self.store.posts("public_number > ? ORDER BY public_number DESC LIMIT 200", after)
        return {
            "feed": self.store.fact("feed", "1"),
            "cursor": self._cursor(),
            "facts": self._facts(),
            "refusals": self._render("refusals.html", {"refusals": self._refusals()}),
            "strip": self._render("strip.html", {"faults": self.faults.active()}),
            "waiting": {
                account_id: self._render("waiting.html", {"waiting": waiting})
                for account_id, waiting in self._waiting().items()
            },
            "counts": {
                account_id: self._published(account_id) for account_id in {p.account_id for p in fresh}
            },
            "posts": [
                {"account": post.account_id, "html": self._render("item.html", {"shown": self._shown(post)})}
                for post in reversed(fresh)
            ],
        }

    def _cursor(self) -> int:
        return self.store.number("SELECT max(public_number) FROM posts")

    def _facts(self) -> dict[str, int]:
        return {
            "published": self._cursor(),  # what is public is never deleted one by one
            "twice": self.store.number("SELECT count(*) FROM posts WHERE twice"),
            "refused": self.store.number("SELECT count(*) FROM refusals"),
        }

    def _refusals(self) -> list[dict[str, Any]]:
        rows = self.store.rows("SELECT at, account_id, message FROM refusals ORDER BY number DESC LIMIT 12")
        return [dict(row) | {"account": self.accounts.get(row["account_id"])} for row in rows]

    def _published(self, account_id: str) -> int:
        return self.store.count_posts("account_id = ? AND published_at IS NOT NULL", account_id)

    def _latest(self, account_id: str) -> list[Post]:
        where = "account_id = ? AND published_at IS NOT NULL ORDER BY published_at DESC, public_number DESC"
        return self.store.posts(f"{where} LIMIT {POSTS_IN_A_COLUMN}", account_id)

    def _waiting(self) -> dict[str, dict[str, Any]]:
        rows = self.store.rows(
            "SELECT account_id, count(*) AS count, min(scheduled_at) AS next FROM posts"
            " WHERE state = 'scheduled' GROUP BY account_id"
        )
        return {row["account_id"]: {"count": row["count"], "next": row["next"]} for row in rows}

    def _accounts_shown(self) -> Iterable[Account]:
        """The shop's own accounts, then the others that published last."""
        own = list(self.accounts.values())[: len(NETWORKS)]
        rows = self.store.rows(
            "SELECT account_id FROM posts WHERE public_number IS NOT NULL GROUP BY account_id"
            " ORDER BY max(public_number) DESC LIMIT ?",
            MOST_COLUMNS,
        )
        others = [self.accounts[row[0]] for row in rows if row[0] in self.accounts]
        return dict.fromkeys([*own, *others])

    def _shown(self, post: Post) -> Shown:
        look = post.provider if post.provider in NETWORKS else "mastodon"
        fold = NETWORKS[look][1]
        cut = len(post.text) if fold is None or len(post.text) <= fold else fold
        pictures = [{"url": f"/media/{item['id']}", "alt": item["alt_text"]} for item in post.media]
        card = _card(post.link, pictures)
        # Networks show either the pictures or the card.
        return Shown(
            post,
            self.accounts.get(post.account_id) or Account(post.account_id, post.provider, "@gone", "profile"),
            look,
            post.text[:cut],
            post.text[cut:],
            [] if card else pictures[:4],
            card,
            self.clock() - (post.published_at or 0) < JUST_IN_SECONDS,
        )

    def _picture(self, media_id: str) -> Answer | None:
        found = self.store.content(media_id)
        if found is None:
            return None
        mime, content = found
        headers = {
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "max-age=86400, immutable",
        }
        return Answer(200, content, mime, headers)


def _card(link: Mapping[str, str], pictures: list[dict[str, str]]) -> dict[str, str] | None:
    if not link.get("url"):
        return None
    picture = f"/media/{link['image_id']}" if link.get("image_id") else next((p["url"] for p in pictures), "")
    domain = (urlsplit(link["url"]).hostname or "").removeprefix("www.")
    title = link.get("title") or link["url"]
    return {"domain": domain, "title": title, "description": link.get("description", ""), "picture": picture}


def _static(name: str) -> Answer | None:
    kind = TYPES.get(Path(name).suffix)
    path = (FONTS if name.endswith(".woff2") else HERE / "static") / name
    if kind is None or not path.is_file():
        return None
    return Answer(200, path.read_bytes(), kind, {"Cache-Control": "max-age=300"})
