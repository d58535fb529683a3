"""How Publer writes what it knows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.publer.sandbox.rules import Account
from integrations.publer.sandbox.store import Job, Media, Post

USER_ID = "5f1d7c3a9b2e4d6f80a1b2c3"


class Writer:
    """`base` is the sandbox's own address, without a slash at its end."""

    def __init__(self, base: str, accounts: Mapping[str, Account], plan: str) -> None:
        self.base, self.accounts, self.plan = base, accounts, plan
        self.picture = f"{base}/sandbox/static/avatar.svg"
        self.user = {"id": USER_ID, "name": "Kiln & Linen", "picture": self.picture}

    def workspace(self, workspace_id: str, number: int = 0) -> dict[str, Any]:
        name = f"Kiln & Linen {number + 1}" if number else "Kiln & Linen"
        workspace = {"id": workspace_id, "name": name, "picture": self.picture, "plan": self.plan}
        return workspace | {"owner": self.user, "members": [self.user]}

    def account(self, account: Account) -> dict[str, str]:
        profile = {"id": account.id, "provider": account.provider, "name": account.name, "type": account.type}
        return profile | {"social_id": str(int(account.id[:12], 16)), "picture": self.picture}

    def link(self, post: Post) -> str | None:
        """The address under which the public sees a post; None while it is not public."""
        return f"{self.base}/p/{post.id}" if post.state == "published" else None

    def post(self, post: Post) -> dict[str, Any]:
        """A post as the list of posts has it. What is not there is left out, as Publer does."""
        summary = {
            "id": post.id,
            "text": post.text,
            "url": post.link.get("url"),
            "state": post.state,
            "type": post.type,
            "account_id": post.account_id,
            "user": self.user,
            "scheduled_at": _iso(post.scheduled_at or post.published_at or post.made_at),
            "post_link": self.link(post),
            "has_media": bool(post.media),
            "network": post.provider,
        }
        return {name: value for name, value in summary.items() if value is not None}

    def edited_post(self, post: Post, now: float) -> dict[str, Any]:
        """A post as the answer to an edit has it."""
        names = ("id", "text", "state", "type", "account_id", "user", "scheduled_at", "post_link")
        detail = {name: value for name, value in self.post(post).items() if name in names}
        account = self.accounts[post.account_id]
        media = [{"id": item["id"], "type": "photo", "url": self._url(item["id"])} for item in post.media]
        return detail | {
            "account": {"id": account.id, "type": account.type, "name": account.name},
            "created_at": _iso(post.made_at),
            "updated_at": _iso(now),
            "media": media,
            "link": post.link,
        }

    def _url(self, media_id: str) -> str:
        return f"{self.base}/media/{media_id}"

    def media(self, media: Media) -> dict[str, Any]:
        """A file as the answer to its upload has it."""
        return {
            "id": media.id,
            "path": self._url(media.id),
            "thumbnail": self._url(media.id),
            "validity": {"instagram": {"photo": media.kind == "photo"}},
            "width": media.width,
            "height": media.height,
            "source": "upload",
            "type": media.kind,
            "name": media.name,
            "caption": media.caption,
        }

    def media_in_list(self, media: Media) -> dict[str, Any]:
        url, at = self._url(media.id), _iso(media.made_at)
        return {
            "id": media.id,
            "type": media.kind,
            "name": media.name,
            "caption": media.caption,
            "path": url,
            "thumbnails": [{"id": media.id, "small": url, "real": url}],
            "created_at": at,
            "updated_at": at,
            "favorite": False,
            "in_library": True,
        }

    def job(self, job: Job) -> dict[str, Any]:
        """One of the documented envelopes, in turn, so that a client has to take all of them."""
        by_provider = {"failures": _keyed(job.failures, "provider")}
        by_account = {"failures": _keyed(job.failures, "account_id")}
        turn = job.number % 4
        if job.status == "working":
            return {"status": "working"} if turn % 2 else {"success": True, "data": {"status": "working"}}
        if turn == 0:
            done = "completed" if job.status == "complete" else job.status
            return {"status": done, "payload": {"failures": job.failures}}
        if turn == 2:
            return {"status": job.status, "payload": by_account}
        result: dict[str, Any] = {"status": job.status, "payload": by_provider if turn == 1 else by_account}
        if turn == 1:
            result["plan"] = {"rate": self.plan, "locked": False}
        return {"success": True, "data": {"status": job.status, "result": result}}


def _keyed(failures: list[dict[str, str]], name: str) -> dict[str, list[dict[str, str]]]:
    keyed: dict[str, list[dict[str, str]]] = {}
    for failure in failures:
        keyed.setdefault(failure[name], []).append(failure)
    return keyed


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
