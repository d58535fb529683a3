"""The calls of Publer's API v1: from a request that was let in to an answer."""

import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from integrations.publer.sandbox.answers import Refused
from integrations.publer.sandbox.reading import SHOWN_AT, Call, bulk_entries, file_of_form, list_condition
from integrations.publer.sandbox.rules import Account, normal_form
from integrations.publer.sandbox.store import Media, Store, new_id
from integrations.publer.sandbox.writing import Writer
from integrations.serving import Answer

PAGE_SIZE = 10


@dataclass
class Api:
    """`clock` gives unix seconds; a job waits `delay` seconds before it is worked on, and up to `spread`
    more."""

    store: Store
    accounts: dict[str, Account]
    writer: Writer
    workspace_id: str
    delay: float
    spread: float
    clock: Callable[[], float]
    empty_workspaces: Sequence[str] = ()  # the key sees these, too; nothing is in them
    lists_read: int = 0

    # who and where ------------------------------------------------------------------------------------

    def me(self, call: Call) -> Answer:
        return Answer(200, self.writer.user | {"email": "shop@kilnandlinen.example", "first_name": "Kiln"})

    def workspaces(self, call: Call) -> Answer:
        ids = [self.workspace_id, *self.empty_workspaces]
        return Answer(200, [self.writer.workspace(each, number) for number, each in enumerate(ids)])

    def list_accounts(self, call: Call) -> Answer:
        return Answer(200, [self.writer.account(account) for account in self._accounts(call).values()])

    def _accounts(self, call: Call) -> dict[str, Account]:
        return {} if call.workspace in self.empty_workspaces else self.accounts

    # posts --------------------------------------------------------------------------------------------

    def schedule(self, call: Call) -> Answer:
        return self._take_bulk(call, at_once=False)

    def publish(self, call: Call) -> Answer:
        return self._take_bulk(call, at_once=True)

    def _take_bulk(self, call: Call, *, at_once: bool) -> Answer:
        now, fault = self.clock(), call.fault
        entries = bulk_entries(call, self._accounts(call), now, at_once=at_once)
        wait = self.delay + random.uniform(0, self.spread)
        if fault.mode in ("late", "late_lost"):
            wait = fault.seconds
        job = self.store.add_job("posts", entries, now + wait, fault.mode, fault.message)
        # Both envelopes and both statuses are documented, so a client has to take all of them.
        body = {"success": True, "data": {"job_id": job.id}} if job.number % 2 else {"job_id": job.id}
        return Answer(200 if job.number % 3 else 202, body)

    def list_posts(self, call: Call) -> Answer:
        where, values = list_condition(call)
        if call.workspace in self.empty_workspaces:
            where, values = "0", []
        total, page = self.store.count_posts(where, *values), call.page()
        order = f"{SHOWN_AT} DESC, number DESC"
        if call.fault.mode == "list_shifts":
            # What a reader of several pages sees while others work: another order, another total.
            self.lists_read += 1
            if self.lists_read % 2 == 0:
                order, total = "text DESC, number", total + 1
        tail = f"{where} ORDER BY {order} LIMIT ? OFFSET ?"
        posts = self.store.posts(tail, *values, PAGE_SIZE, page * PAGE_SIZE)
        answer = {"posts": [self.writer.post(post) for post in posts], "total": total, "page": page}
        return Answer(200, answer | {"per_page": PAGE_SIZE, "total_pages": math.ceil(total / PAGE_SIZE)})

    def update_post(self, call: Call, post_id: str) -> Answer:
        wanted = call.json().get("post")
        if not isinstance(wanted, dict) or not isinstance(wanted.get("text"), str):
            raise Refused(422, "Text can't be blank")
        with self.store:
            post = self.store.post(post_id)
            if post is None:
                raise Refused(404, "Post not found")
            if post.state == "published":
                raise Refused(403, "You cannot update a post that has been published with approval")
            post.text, post.normal = wanted["text"], normal_form(wanted["text"])
            self.store.save_post(post)
        return Answer(200, self.writer.edited_post(post, self.clock()))

    def delete_posts(self, call: Call) -> Answer:
        wanted = call.many("post_ids")
        if not wanted:
            raise Refused(400, "param is missing or the value is empty: post_ids")
        with self.store:
            found = (self.store.post(post_id) for post_id in dict.fromkeys(wanted))
            deleted = [post.id for post in found if post and post.state != "published"]
            self.store.delete_posts(deleted)
        return Answer(200, {"deleted_ids": deleted})

    def job_status(self, call: Call, job_id: str) -> Answer:
        job = self.store.job(job_id)
        if job is None or call.fault.mode == "not_found":
            raise Refused(404, "Job not found")
        if job.kind == "posts":
            return Answer(200, self.writer.job(job))
        made = [self.writer.media(media) for media in self.store.media() if media.id in job.made]
        return Answer(200, {"status": job.status, "payload": made or {"failures": job.failures}})

    # media --------------------------------------------------------------------------------------------

    def upload(self, call: Call) -> Answer:
        return Answer(200, self.writer.media(self.keep_media(*file_of_form(call))))

    def upload_from_url(self, call: Call) -> Answer:
        wanted = call.json().get("media")
        if not isinstance(wanted, list) or not wanted or not all(isinstance(item, dict) for item in wanted):
            raise Refused(400, "param is missing or the value is empty: media")
        if not all(str(item.get("url")).startswith(("http://", "https://")) for item in wanted):
            raise Refused(422, "Could not fetch the media")
        return Answer(200, {"job_id": self.store.add_job("media", wanted, self.clock() + self.delay).id})

    def list_media(self, call: Call) -> Answer:
        kinds, ids = call.many("types"), call.many("ids")
        if not kinds or not call.many("used"):
            raise Refused(400, "types and used are required")
        media = [item for item in self.store.media() if item.kind in kinds and (not ids or item.id in ids)]
        shown = media if ids else media[call.page() * PAGE_SIZE :][:PAGE_SIZE]
        answer = {"media": [self.writer.media_in_list(item) for item in shown], "total": len(media)}
        return Answer(200, answer)

    def keep_media(self, name: str, mime: str, content: bytes, caption: str = "") -> Media:
        """Store an uploaded file. What it is, is read from its bytes, not from what the client says."""
        width, height, kind = 0, 0, "video" if mime == "video/mp4" else "document"
        try:
            with Image.open(io.BytesIO(content)) as image:
                mime = Image.MIME.get(image.format or "", "")
                kind, (width, height) = "gif" if mime == "image/gif" else "photo", image.size
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
            mime = mime if kind == "video" else "application/octet-stream"
        media = Media(new_id(), kind, mime, name[:200], caption, width, height, self.clock())
        self.store.add_media(media, content)
        return media
