"""Chatwoot's application API (https://developers.chatwoot.com/api-reference)."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

from integrations.chatwoot.types import (
    OUTGOING,
    AssigneeType,
    ContactPage,
    Conversation,
    ConversationPage,
    Counts,
    ListStatus,
    LongestWait,
    Message,
    Posted,
    ReportSummary,
    Sort,
    Status,
    contact_page,
    conversation_page,
)
from integrations.errors import BadAnswer, OutcomeUnknown, ProviderError, RefusedKind
from integrations.http import Answer, ApiClient, Call, Refusal
from integrations.ratelimit import Limiter, Priority
from integrations.retry import ONCE, Retry

T = TypeVar("T")


def _says(kind: RefusedKind, plain: tuple[str, ...] = ()) -> Refusal:
    """`{"error": "…"}`, `{"errors": […]}` of texts or objects, or `{"message": "…", "attributes": […]}`."""
    return Refusal(kind, ("error", "errors", "message"), word="message", plain=plain)


REFUSALS: Final[Mapping[int, Refusal]] = {
    400: _says("permanent"),
    422: _says("permanent"),
    401: _says("auth"),  # the token, or a right that its user lacks
    402: _says("auth"),  # the account's plan
    403: _says("auth"),
    404: _says("setup"),
    413: _says("setup"),
    429: _says("rate_limited", plain=("text/plain",)),  # "Retry later", without any header
}
MOST_PAGES: Final = 4
"""Of 25 each; what lies behind them is not looked through for one figure on a dashboard."""
NEW_MESSAGES: Final = 100
"""Most messages in one answer to `after`."""


class ChatwootClient:
    """One account, with the token of one of its users; a bot's token cannot list conversations.

    Reads may raise Held, NotSent, Refused or BadAnswer, writes OutcomeUnknown instead of the last. None
    sleeps, except the reads of a `patient` one. A Refused of kind `auth` may also mean that this user lacks
    the right.
    """

    def __init__(
        self,
        base_url: str,
        account_id: str,
        token: str,
        limiter: Limiter,
        connect_timeout: float,
        read_timeout: float,
        auth_header: str = "Api-Access-Token",
    ) -> None:
        """`auth_header`: the documents say `api_access_token`, which nginx drops for its underscores; Rails
        reads both alike."""
        self._retry = ONCE
        self._api, self._reports = (
            ApiClient(
                "chatwoot",
                f"{base_url.rstrip('/')}/api/{version}/accounts/{quote(account_id, safe='')}",
                limiter=limiter,
                credentials={auth_header: token},
                secrets=[token],
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
                refusals=REFUSALS,
            )
            for version in ("v1", "v2")
        )

    def __repr__(self) -> str:
        return f"<ChatwootClient {self._api!r}>"

    def patient(self, retry: Retry) -> "ChatwootClient":
        """The same for a caller that may wait: reads that bring nothing are repeated; writes never are."""
        other = copy(self)
        other._retry = retry
        return other

    # Reads --------------------------------------------------------------------------------------------

    def counts(self, status: ListStatus = "open", priority: Priority = Priority.BACKGROUND) -> Counts:
        """How many conversations there are. At most 30 such calls a minute a token."""
        call = Call("GET", "conversations/meta", params=[("status", status)])
        return self._read(call, lambda answer: Counts.model_validate(answer["meta"]), priority)

    def conversations(
        self,
        page: int = 1,
        status: ListStatus = "open",
        assignee: AssigneeType = "all",
        sort: Sort | None = None,
        priority: Priority = Priority.BACKGROUND,
    ) -> ConversationPage:
        """One page of the list, from 1; the most recently active first, unless `sort` says otherwise."""
        params = [("status", status), ("assignee_type", assignee), ("page", str(page))]
        params += [("sort_by", sort)] if sort else []
        return self._read(Call("GET", "conversations", params=params), conversation_page, priority)

    def longest_wait(self, priority: Priority = Priority.BACKGROUND, pages: int = MOST_PAGES) -> LongestWait:
        """Since when the customer waits who waits longest in an open conversation; one call a page.

        The order that is asked for stands in Chatwoot's source alone
        (https://github.com/chatwoot/chatwoot/blob/develop/app/finders/conversation_finder.rb): where it is
        plain that it was kept, the first page has the answer.
        """
        read: list[Conversation] = []
        for number in range(1, pages + 1):
            page = self.conversations(number, sort="waiting_since_asc", priority=priority)
            read += page.conversations
            if not page.conversations or len(read) >= page.counts.all or _longest_first(read):
                break
        since = min((each.waiting_since for each in read if each.waiting_since), default=None)
        return LongestWait(since, complete=len(read) >= page.counts.all or _longest_first(read))

    def messages(
        self,
        conversation: int,
        *,
        before: int | None = None,
        after: int | None = None,
        priority: Priority = Priority.BACKGROUND,
    ) -> tuple[Message, ...]:
        """The last 20, the 20 before a message, or the first 100 after one; the oldest first."""
        if before is not None and after is not None:
            raise ValueError("Before one message or after one.")
        params = [
            (name, str(given)) for name, given in (("before", before), ("after", after)) if given is not None
        ]
        call = _of(conversation, "GET", "messages", params=params)
        return self._read(call, lambda answer: _messages(answer["payload"]), priority)

    def last_message_id(self, conversation: int, priority: Priority = Priority.BACKGROUND) -> int:
        """The newest message's, 0 where there is none: what `post_message` asks for."""
        return max((message.id for message in self.messages(conversation, priority=priority)), default=0)

    def labels(self, conversation: int, priority: Priority = Priority.BACKGROUND) -> tuple[str, ...]:
        """The labels of a conversation."""
        return self._read(_of(conversation, "GET", "labels"), _labels, priority)

    def contacts(self, words: str, page: int = 1, priority: Priority = Priority.BACKGROUND) -> ContactPage:
        """People whose name, mail address, number or identifier has these words. At most 100 a minute an
        account."""
        call = Call("GET", "contacts/search", params=[("q", words), ("page", str(page))])
        return self._read(call, contact_page, priority)

    def report(
        self, since: datetime, until: datetime, priority: Priority = Priority.BACKGROUND
    ) -> ReportSummary:
        """What happened in the account in this time. At most 100 a minute a token."""
        params = [("type", "account")]
        params += [(name, str(int(at.timestamp()))) for name, at in (("since", since), ("until", until))]
        call = Call("GET", "reports/summary", params=params)
        return self._read(call, ReportSummary.model_validate, priority, self._reports)

    # Writes -------------------------------------------------------------------------------------------

    def post_message(
        self,
        conversation: int,
        content: str,
        after: int,
        *,
        private: bool = False,
        priority: Priority = Priority.BACKGROUND,
    ) -> Posted:
        """Say this once after the message `after` (see `last_message_id`, to be kept until this is done).

        Chatwoot knows no idempotency: the conversation is looked at before anything is sent, and again where
        no answer came. OutcomeUnknown: it was not there yet. Then call this again with the same `after`, but
        not before a request that is still on its way must have ended. Chatwoot fills in `{{…}}`: a message
        with such a mark is not found again.
        """
        if there := self._find(conversation, content, after, private, priority):
            return Posted(there, found=True)
        body = {"content": content, "message_type": "outgoing", "private": private}
        call = _of(conversation, "POST", "messages", json=body)
        try:
            return Posted(self._write(call, Message.model_validate, priority), found=False)
        except OutcomeUnknown as unknown:
            try:
                there = self._find(conversation, content, after, private, priority)
            except ProviderError:
                raise unknown from None
            if there is None:
                raise
            return Posted(there, found=True)

    def replace_labels(
        self, conversation: int, labels: Sequence[str], priority: Priority = Priority.BACKGROUND
    ) -> tuple[str, ...]:
        """Set exactly these: **every other label of the conversation goes**. May be repeated."""
        return self._write(
            _of(conversation, "POST", "labels", json={"labels": list(labels)}), _labels, priority
        )

    def assign(self, conversation: int, agent: int, priority: Priority = Priority.BACKGROUND) -> None:
        """Give the conversation to an agent. May be repeated."""
        self._write(
            _of(conversation, "POST", "assignments", json={"assignee_id": agent}), _anything, priority
        )

    def set_status(self, conversation: int, status: Status, priority: Priority = Priority.BACKGROUND) -> None:
        """Open, close or put off. Opening assigns the conversation to the token's user. May be repeated."""
        self._write(_of(conversation, "POST", "toggle_status", json={"status": status}), _anything, priority)

    # --------------------------------------------------------------------------------------------------

    def _find(
        self, conversation: int, content: str, after: int, private: bool, priority: Priority
    ) -> Message | None:
        """Our own message after another one, however many came in between."""
        while True:
            page = self.messages(conversation, after=after, priority=priority)
            for message in page:
                if (
                    message.kind == OUTGOING
                    and message.private == private
                    and message.content.split() == content.split()
                ):
                    return message
            newest = max((message.id for message in page), default=after)
            if len(page) < NEW_MESSAGES or newest <= after:
                return None
            after = newest

    def _read(
        self, call: Call, parse: Callable[[Any], T], priority: Priority, api: ApiClient | None = None
    ) -> T:
        asked = api or self._api
        return self._retry.read(lambda: self._parse(asked.read(call, priority), parse, BadAnswer))

    def _write(self, call: Call, parse: Callable[[Any], T], priority: Priority) -> T:
        leave = self._api.leave(priority, route=call.route)
        return self._parse(self._api.write(call, leave), parse, OutcomeUnknown)

    def _parse(
        self, answer: Answer, parse: Callable[[Any], T], error: type[BadAnswer] | type[OutcomeUnknown]
    ) -> T:
        try:
            return parse(answer.json)
        except (ValueError, TypeError, LookupError, AttributeError):
            words = "Chatwoot's answer does not say what became of the call."
            raise self._api.unusable(answer, error, words) from None


def _longest_first(read: Sequence[Conversation]) -> bool:
    """Whether the longest wait surely comes first: an older Chatwoot ignores an order that it does not know,
    and a list by activity may look like one by waits."""
    waits = [each.waiting_since for each in read]
    known = [since for since in waits if since]
    activity = [each.last_activity_at for each in read if each.last_activity_at]
    by_wait = known == sorted(known) and None not in waits[: len(known)]
    return by_wait and activity != sorted(activity, reverse=True)


def _of(conversation: int, method: str, what: str, **parts: Any) -> Call:
    return Call(method, f"conversations/{{id}}/{what}", path={"id": str(conversation)}, **parts)


def _messages(payload: Any) -> tuple[Message, ...]:
    return tuple(Message.model_validate(each) for each in payload)


def _labels(answer: Any) -> tuple[str, ...]:
    return tuple(str(label) for label in answer["payload"])


def _anything(answer: Any) -> None:
    """Some JSON: what it says of the agent or the conversation depends on the version."""
    if not isinstance(answer, dict):
        raise ValueError("not Chatwoot's")
