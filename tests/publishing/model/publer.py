"""The provider at its worst, within what the protocol assumes of it."""

import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
import urllib3

from social.models import Submission
from tests.publishing.provider import Answer, FakePubler, Listed, entries

if TYPE_CHECKING:
    from tests.publishing.model.world import World

# A1 and A2 of the protocol, as tight as W = 180 s allows.
V = 145.0
"""Seconds within which a write is worked on whose job id is not recorded, and between the posts of a job."""
LAG = 30.0
"""Seconds until a post shows in the list."""
OURS = "ws1"

# --------------------------------------------------------------------------------------- what it may answer
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
SURE = ("a job",)
UNSURE: dict[str, Answer | Callable[[], Exception]] = {
    "no answer": lambda: requests.ReadTimeout("read timed out"),
    "cut": lambda: requests.ConnectionError(urllib3.exceptions.ProtocolError("cut", ConnectionResetError())),
    "broken TLS": lambda: requests.exceptions.SSLError(
        _after_tries(urllib3.exceptions.SSLError(ssl.SSLError(1, "bad record mac")))
    ),
    "HTTP 500": (500, JSON, '{"errors": ["Something went wrong"]}'),
    "HTTP 502 in HTML": (502, HTML, "<html>Bad gateway</html>"),
    "a page of HTML": (200, HTML, "<html>Welcome</html>"),
    "HTTP 429 in HTML": (429, HTML, "<html>Slow down</html>"),
    "success: false": (200, JSON, '{"success": false, "data": {"job_id": "job-false"}}'),
    "no job id": (200, JSON, '{"success": true, "data": {}}'),
    "a redirect": (302, {"Location": "/elsewhere"}, ""),
}
REFUSED: dict[str, Answer] = {
    "HTTP 422": (422, JSON, '{"errors": ["Text is not allowed"]}'),
    "HTTP 429": (429, JSON, '{"error": "Too many requests"}'),
    "HTTP 401": (401, JSON, '{"errors": ["Invalid key"]}'),
    "HTTP 404": (404, JSON, '{"errors": ["Not found"]}'),
}
NOT_SENT = ("not reachable",)
ANSWERS = (*SURE, *UNSURE, *REFUSED, *NOT_SENT)

SAID = {
    "refused: gap": "There's another post at this time. A one minute gap is required between posts",
    "refused: daily": "The daily limit is reached",
    "refused: words": "It does not like these words",
}
BECOMES = ("made", "made 20 s later", "made at the last moment", "never", "when it pleases", "failed", *SAID)
"""What becomes of one entry of a write. `failed` is listed as failed and never public; `when it pleases` is
at the last moment, and where its job id is recorded there is none."""
WORDS: Mapping[str, Callable[[str], str]] = {
    "as sent": lambda text: text,
    "with a signature": lambda text: f"{text}\n\n— sent by Kiln & Linen",
    "with short links": lambda text: text.replace("https://kilnandlinen.example/", "https://sho.rt/"),
    "changed": lambda text: f"Today only: {text}",
}
JOB_SAYS = ("the truth", "failed", "forgotten", "nonsense")
LISTS = ("fine", "a page fails", "all pages fail", "the second page fails", "limit reached", "it shifts")
DELETES = ("deleted", "lost", "never", "refused")


def _after_tries(error: Exception) -> urllib3.exceptions.MaxRetryError:
    return urllib3.exceptions.MaxRetryError(urllib3.HTTPConnectionPool("publer.invalid"), "/", error)


@dataclass(frozen=True)
class Fate:
    """What the provider makes of the writes of one process: of their `entries` in turn. `lag`: they show in
    the list as late as may be."""

    answer: str = "a job"
    entries: tuple[str, ...] = ("made",)
    words: str = "as sent"
    lag: bool = False
    job_says: str = "the truth"

    def __repr__(self) -> str:
        told = {name: value for name, value in vars(self).items() if value != getattr(Fate, name)}
        return f"Fate({', '.join(f'{name}={value!r}' for name, value in told.items())})"


@dataclass
class Made(Listed):
    """A post at the provider, with what only the test knows of it: the words that it was `sent` with, and
    every id that it ever had. `by_hand`: somebody made it there, and how."""

    sent: str = ""
    workspace: str = OURS
    shows_from: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    by_hand: str = ""
    ids: set[str] = field(default_factory=set)

    @property
    def was_public(self) -> bool:
        return self.state.startswith("published")

    @property
    def key(self) -> tuple[str, str]:
        return self.account_id, self.sent


@dataclass
class Entry:
    """One account's part of a write that is not worked on yet; `at` None: when it pleases the provider."""

    account: dict[str, Any]
    content: dict[str, Any]
    becomes: str
    job: str
    left: datetime
    at: datetime | None
    fate: Fate
    workspace: str

    @property
    def key(self) -> tuple[str, str]:
        return self.account["id"], self.content.get("text", "")


class Publer(FakePubler):
    """`ids_change`: a post gets another id when it is published."""

    def __init__(self, world: "World") -> None:
        super().__init__(now=lambda: world.clock.now() + world.provider_is_off, page_size=3)
        self.world = world
        self.begin()

    def begin(self) -> None:
        self.posts, self.bodies, self.next_lists, self.next_deletes = [], [], [], []
        self.jobs, self.workspace, self.ids_change = {}, OURS, False
        self.entries: list[Entry] = []
        self.job_says: dict[str, str] = {}
        self.first_made: dict[str, datetime] = {}

    @property
    def made(self) -> list[Made]:
        return [post for post in self.posts if isinstance(post, Made)]

    @property
    def ours(self) -> list[Made]:
        return [post for post in self.made if not post.by_hand]

    def by_id(self) -> dict[str, Made]:
        return {number: post for post in self.made for number in post.ids}

    def _counted(self, call: str) -> Callable[[Any], Answer]:
        asked = super()._counted(call)

        def in_its_workspace(request: Any) -> Answer:
            self.calls.clear()
            if request.headers.get("Publer-Workspace-Id") not in (self.workspace, None, ""):
                return 403, JSON, '{"errors": ["This key does not see that workspace"]}'
            return asked(request)

        return in_its_workspace

    # ------------------------------------------------------------------------------------------- writes
    def _bulk(self, request: Any) -> Answer:
        world = self.world
        world.reached("leaving")  # past the check of 5 s
        fate, body = world.running.fate if world.running else Fate(), json.loads(request.body)
        if fate.answer in NOT_SENT:
            pool = urllib3.connection.HTTPConnection("publer.invalid")
            reason = urllib3.exceptions.NewConnectionError(pool, "refused")
            raise requests.ConnectionError(_after_tries(reason))
        world.truth.arrived(body, request.headers["Publer-Workspace-Id"])
        if fate.answer in REFUSED:
            world.say(f"the provider refuses it: {fate.answer}")
            return REFUSED[fate.answer]
        job = self._take(body, fate)
        world.say(f"it answers: {job if fate.answer in SURE else fate.answer}")
        world.reached("answering")
        if fate.answer in SURE:
            return 202, JSON, json.dumps({"success": True, "data": {"job_id": job}})
        answer = UNSURE[fate.answer]
        if callable(answer):
            raise answer()
        return answer

    def _take(self, body: dict[str, Any], fate: Fate) -> str:
        job, now = f"job-{next(self.numbers)}", self.world.clock.now()
        self.job_says[job] = fate.job_says
        self.jobs[job] = {"status": "complete", "payload": {"failures": []}}
        for number, (account, content) in enumerate(entries(body)):
            becomes = fate.entries[number % len(fate.entries)]
            after = {"made 20 s later": 20.0, "made at the last moment": V}.get(becomes, 0.0)
            at = None if becomes == "when it pleases" else now + timedelta(seconds=after)
            self.entries.append(Entry(account, content, becomes, job, now, at, fate, self.workspace))
        self.world.say(f"the provider takes it: {', '.join(e.becomes for e in self.entries if e.job == job)}")
        self.work()
        return job

    def deadline(self, entry: Entry) -> datetime | None:
        """When it is worked on: as its fate says, at the last moment where that says nothing. None: as long
        as it pleases, since its job id is recorded and no other post of the job was made."""
        if entry.at is not None:
            return entry.at
        if entry.job in self.first_made:
            return self.first_made[entry.job] + timedelta(seconds=V)
        if Submission.objects.filter(job_id=entry.job).exists():
            return None
        return entry.left + timedelta(seconds=V)

    def next_event(self) -> datetime | None:
        """When the provider next does something by itself."""
        moments = [moment for entry in self.entries if (moment := self.deadline(entry)) is not None]
        off = self.world.provider_is_off
        moments += [post.scheduled_at - off for post in self.posts if post.state == "scheduled"]
        return min(moments, default=None)

    def work(self) -> None:
        """Do all whose moment has come."""
        now = self.world.clock.now()
        for entry in list(self.entries):
            moment = self.deadline(entry)
            if moment is not None and moment <= now:
                self.entries.remove(entry)
                self._work_on(entry)
        for post in self.made:
            if post.state == "scheduled" and post.scheduled_at <= self.now():
                self._publish(post)

    def _work_on(self, entry: Entry) -> None:
        account, text = entry.key
        name = f"“{text[:24]}…” on {account}"
        if entry.becomes == "never":
            return
        if entry.becomes in SAID:
            failure = {"account_id": account, "message": SAID[entry.becomes]}
            self.jobs[entry.job]["payload"]["failures"].append(failure)
            self.world.say(f"its job refuses {name}")
            return
        at = entry.account.get("scheduled_at")
        self.first_made.setdefault(entry.job, self.world.clock.now())
        post = Made(
            id=f"post-{next(self.numbers)}",
            account_id=account,
            text=WORDS[entry.fate.words](text),
            state="scheduled",
            scheduled_at=datetime.fromisoformat(at) if at else self.now(),
            url=entry.content.get("link", {}).get("url", ""),
            job=entry.job,
            sent=text,
            workspace=entry.workspace,
            shows_from=self.world.clock.now() + timedelta(seconds=LAG if entry.fate.lag else 0),
        )
        post.ids.add(post.id)
        self.posts.append(post)
        self.world.say(f"the provider makes {post.id}: {name}")
        if entry.becomes == "failed":
            post.state = "failed"
        elif not at:
            self._publish(post, as_it_is=True)
        elif post.scheduled_at <= self.now():
            self._publish(post)

    def _publish(self, post: Made, *, as_it_is: bool = False) -> None:
        if self.ids_change and not as_it_is:
            post.id = f"post-{next(self.numbers)}"
            post.ids.add(post.id)
        post.state = "published"
        post.link = f"https://social.example/{post.id}"
        self.world.say(f"{post.id} is public")
        self.world.truth.became_public(post)

    def be_good(self) -> None:
        """From here on: what it put off is done, and what waited for somebody over there goes its way."""
        for entry in self.entries:
            entry.at = entry.at or self.world.clock.now()
        for post in self.posts:
            if post.state in ("scheduled_pending", "scheduled_declined"):
                post.state = "scheduled"
        self.next_lists, self.next_deletes = [], []
        self.work()

    def give_up(self, key: tuple[str, str]) -> None:
        """A person looked there and was right: what was put off beyond V is not done any more."""
        over = self.world.clock.now() - timedelta(seconds=V)
        self.entries = [entry for entry in self.entries if entry.key != key or entry.left > over]

    def keep_what_is_assumed(self) -> None:
        """The database has forgotten job ids: what belongs to them was done within V, or never is (A1)."""
        over = self.world.clock.now() - timedelta(seconds=V)
        self.entries = [
            entry
            for entry in self.entries
            if entry.left > over or Submission.objects.filter(job_id=entry.job).exists()
        ]

    # -------------------------------------------------------------------------------------------- by hand
    def by_hand(self, account_id: str, text: str, how: str, *, days: float = 0.0, url: str = "") -> None:
        """Somebody makes a post over there, without us."""
        post = Made(
            id=f"hand-{next(self.numbers)}",
            account_id=account_id,
            text=text,
            state="published" if days <= 0 else "scheduled_approved",
            scheduled_at=self.now() + timedelta(days=days),
            url=url,
            by_hand=how,
            workspace=self.workspace,
        )
        post.ids.add(post.id)
        self.posts.append(post)

    def shift(self) -> None:
        """While the list is read, one post goes and another comes: their number stays the same, and what
        began the next page is on one that was read already."""
        ahead = [post for post in self.made if post.by_hand == "ahead"]
        if not ahead:
            return
        gone = max(ahead, key=lambda post: post.scheduled_at)
        self.posts.remove(gone)
        self.by_hand(gone.account_id, "Something else of long ago", "behind", days=-1.5)
        self.world.say(f"meanwhile somebody deletes {gone.id} there, and an old one comes back")

    # --------------------------------------------------------------------------------------------- reads
    def shows(self, post: Listed) -> bool:
        assert isinstance(post, Made)
        return post.workspace == self.workspace and post.shows_from <= self.world.clock.now()

    def _list(self, request: Any) -> Answer:
        self.world.reached("reading")
        return super()._list(request)

    def _job(self, request: Any) -> Answer:
        self.world.reached("asking")
        job = request.path_url.rpartition("/")[2]
        says = self.job_says.get(job, "forgotten")
        if says == "forgotten":
            return 404, JSON, '{"errors": ["Not found"]}'
        if says == "nonsense":
            return 200, JSON, '{"status": "pondering"}'
        if says == "failed":
            return 200, JSON, '{"status": "failed"}'
        if any(entry.job == job for entry in self.entries):
            return 200, JSON, '{"status": "working"}'
        return super()._job(request)

    def _delete(self, request: Any) -> Answer:
        self.world.reached("deleting")
        what = self.next_deletes[0] if self.next_deletes else "deleted"
        self.world.say(f"the provider is asked to delete: {what}")
        if what == "refused":
            self.next_deletes.pop(0)
            return 422, JSON, '{"errors": ["It cannot be deleted now"]}'
        return super()._delete(request)

    def reads(self, the_list: str, delete: str) -> None:
        """How the next look and the next DELETE go."""
        fails, over = (502, HTML, "<html>Bad gateway</html>"), REFUSED["HTTP 429"]
        lists: dict[str, list[Any]] = {
            "fine": [],
            "a page fails": [fails],
            "all pages fail": [fails] * 3,
            "the second page fails": [None, *[fails] * 3],
            "limit reached": [None, over],
            "it shifts": [None, self.shift],
        }
        self.next_lists = lists[the_list]
        self.next_deletes = [delete]
        if (the_list, delete) != ("fine", "deleted"):
            self.world.say(f"the list: {the_list}; a DELETE: {delete}")
