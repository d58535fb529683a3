"""Jobs become posts, and scheduled posts become public: one thread, in the order in which they are due."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from integrations.publer.sandbox.faults import Fault, Faults
from integrations.publer.sandbox.rules import Account, content_refusal, daily_limit, normal_form, time_refusal
from integrations.publer.sandbox.store import Job, Post, Store, new_id

logger = logging.getLogger(__name__)

SIGNATURE = "\n\nKiln & Linen, Guimarães. Made slowly."


class Publisher:
    """Works on what is due. `gap` is the least time between two posts on one account, in seconds."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        accounts: Mapping[str, Account],
        *,
        plan: str,
        gap: float,
        clock: Callable[[], float],
        fetch: Callable[[dict[str, Any]], str],
    ) -> None:
        self.store, self.faults, self.accounts = store, faults, accounts
        self.plan, self.gap, self.clock, self.fetch = plan, gap, clock, fetch
        self._wake = threading.Event()
        self._stopped = False

    def run(self) -> None:
        """Until `stop`: work, then sleep until the next thing is due or `wake` says that there is more."""
        while not self._stopped:
            self._wake.clear()
            try:
                self.work()
                due = self.store.next_due()
            except Exception:  # this thread must outlive one bad entry; the pause keeps it from spinning
                if self._stopped:
                    return
                logger.exception("The sandbox could not work on a job")
                due = self.clock() + 1
            self._wake.wait(None if due is None else min(max(due - self.clock(), 0.001), 60))

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def work(self) -> None:
        """Do everything that is due by now."""
        now = self.clock()
        for job in self.store.due_jobs(now):
            if job.kind == "media":
                self._fetch_media(job)
            else:
                self._make_posts(job)
        for post in self.store.posts("state = 'scheduled' AND scheduled_at <= ? ORDER BY scheduled_at", now):
            with self.store:
                self._go_public(post)

    def _fetch_media(self, job: Job) -> None:
        for entry in job.entries:
            try:
                job.made.append(self.fetch(entry))
            except (OSError, ValueError):
                job.failures.append({"message": f"Could not fetch {entry.get('name', 'the file')}"})
        job.status, job.worked_at = "complete", self.clock()
        with self.store:
            self.store.finish_job(job)

    def _make_posts(self, job: Job) -> None:
        with self.store:
            for place, entry in enumerate(job.entries):
                reason = self._refusal(job, place, entry)
                if reason:
                    account = self.accounts.get(entry["account_id"])
                    job.failures.append(
                        {
                            "account_id": entry["account_id"],
                            "account_name": account.name if account else "",
                            "provider": entry["provider"],
                            "message": reason,
                        }
                    )
                elif job.fault not in ("stuck", "job_failed"):
                    job.made.append(self._make_post(job, entry))
            job.worked_at = self.clock()
            job.status = {"stuck": "working", "stuck_made": "working", "job_failed": "failed"}.get(
                job.fault, "complete"
            )
            self.store.finish_job(job)

    def _refusal(self, job: Job, place: int, entry: dict[str, Any]) -> str | None:
        if job.fault == "fail_in_job" or (job.fault == "partial" and place == 0):
            return job.message
        account = self.accounts.get(entry["account_id"])
        if account is None:  # the process was started anew with fewer accounts
            return "Account not found"
        content = entry["content"]
        wanted = [item.get("id", "") for item in (content or {}).get("media") or []]
        known = {
            media_id
            for media_id in wanted
            if self.store.number("SELECT count(*) FROM media WHERE id = ?", media_id)
        }
        refusal = content_refusal(account.provider, content, known)
        if refusal or entry["state"].startswith("draft"):
            return refusal
        at = entry["scheduled_at"] or self.clock()
        others = self.store.rows(
            "SELECT coalesce(published_at, scheduled_at) FROM posts WHERE account_id = ? AND state IN"
            " ('scheduled', 'published') AND coalesce(published_at, scheduled_at) BETWEEN ? AND ?",
            *(account.id, at - 86_400, at + self.gap),
        )
        return time_refusal(at, (row[0] for row in others), self.gap, daily_limit(account, self.plan))

    def _make_post(self, job: Job, entry: dict[str, Any]) -> str:
        content = entry["content"]
        link = {name: str(value) for name, value in (content.get("link") or {}).items()}
        if content.get("url"):
            link.setdefault("url", str(content["url"]))
        fault = self.faults.take("posts")
        text = _altered(content.get("text") or "", fault)
        post = Post(
            id=new_id(),
            job_id=job.id,
            account_id=entry["account_id"],
            provider=entry["provider"],
            type=content["type"],
            text=text,
            normal=normal_form(text),
            link=link,
            media=[
                {"id": item["id"], "alt_text": str(item.get("alt_text") or "")}
                for item in content.get("media") or []
            ],
            state=entry["state"],
            made_at=self.clock(),
            scheduled_at=entry["scheduled_at"],
            fate=fault.mode,
        )
        if fault.mode == "needs_approval" and post.state == "scheduled":
            post.state = "scheduled_pending"
        self.store.save_post(post)
        if post.state == "scheduled" and (post.scheduled_at or 0) <= self.clock():
            self._go_public(post)
        return post.id

    def _go_public(self, post: Post) -> None:
        now = self.clock()
        if post.fate == "fail_when_published":
            post.state = "failed"
            self.store.save_post(post)
            return
        if post.fate == "new_id_when_published":
            post.id = new_id()
        post.state, post.published_at = "published", now
        post.public_number = self.store.number("SELECT max(public_number) FROM posts") + 1
        post.twice = bool(post.normal) and bool(
            self.store.number(
                "SELECT count(*) FROM posts WHERE account_id = ? AND normal = ? AND published_at > ?",
                *(post.account_id, post.normal, now - 86_400),
            )
        )
        self.store.save_post(post)


def _altered(text: str, fault: Fault) -> str:
    if fault.mode == "append_signature":
        return text + SIGNATURE
    if fault.mode == "rewrite_words":
        return " ".join("really" if place % 4 == 2 else word for place, word in enumerate(text.split(" ")))
    return text
