"""What the networks and Publer say when they take no post, in plain words.

Neither has error codes that can be relied on: Publer hands on each network's own sentence. The rows below
know those sentences by their words, as the networks' documents and their clients report them; what no row
knows is told as it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import regex

Kind = Literal["final", "gap", "daily", "duplicate"]
Where = Literal["", "text", "pictures", "link", "channels", "publer", "account"]


@dataclass(frozen=True)
class Failure:
    """What a refusal means, and what to do; `{network}` stands for the network's name in both.

    `retry_helps`: the same post may be taken when it is tried again, once that was done. `where` it is
    mended: a field of the post, the account at Publer or on the network. `kind` "gap" and "daily" only say
    when it may be tried again, "duplicate" that the same words are there already.
    """

    words: str
    todo: str
    retry_helps: bool = False
    where: Where = ""
    kind: Kind = "final"

    def told(self, network_name: str) -> str:
        """What happened and what to do, as sentences."""
        return f"{self.words} {self.todo}".strip().replace("{network}", network_name)


@dataclass(frozen=True)
class _Row:
    said: "regex.Pattern[str]"
    meaning: Failure
    network: str = ""


_EDIT = "Change it; a new approval is asked."
_TOO_LONG = Failure(
    "{network} finds the text too long.", f"Shorten it for {{network}}. {_EDIT}", where="text"
)
_NO_ENTRY = Failure(
    "{network} does not let Publer in any more.",
    "Connect the account anew in Publer, then try again.",
    retry_helps=True,
    where="publer",
)
_NO_RIGHT = Failure(
    "Publer has no right to post on this account.",
    "Somebody who manages it connects it anew in Publer, with the right to post; then try again.",
    retry_helps=True,
    where="publer",
)
_LOCKED = Failure(
    "{network} has locked or limited the account.",
    "Sign in there and do what it asks, then try again.",
    retry_helps=True,
    where="account",
)
_SLOWER = Failure(
    "{network} takes no more from this account for now.", "Try again in an hour.", retry_helps=True
)
_DAILY = Failure("{network}'s limit for the day is reached.", "", retry_helps=True, kind="daily")
_DUPLICATE = Failure(
    "{network} says that the same words are on this account already.",
    f"Look at the account; if they are not there, say it in other words. {_EDIT}",
    where="text",
    kind="duplicate",
)
_SHAPE = Failure(
    "{network} does not take a picture of this shape or size.", f"Choose another. {_EDIT}", where="pictures"
)
_LARGE = Failure(
    "The picture is too large for {network}.", f"Choose a smaller one. {_EDIT}", where="pictures"
)
_FORMAT = Failure(
    "{network} does not take this kind of picture.", f"Choose a JPEG or PNG. {_EDIT}", where="pictures"
)
_RULES = Failure(
    "{network} refuses what it says or shows: it breaks a rule there.",
    f"Read why below. {_EDIT}",
    where="text",
)
_LINK = Failure("{network} does not take this link.", f"Check where it leads. {_EDIT}", where="link")
_NO_ACCOUNT = Failure(
    "Publer does not find the account, channel or board to post on.",
    "Choose it anew in Publer, then try again; or stop this channel.",
    retry_helps=True,
    where="publer",
)
_ITS_FAULT = Failure(
    "{network} had a fault of its own.",
    "Look at the account, since it may be there all the same; if it is not, try again.",
    retry_helps=True,
    where="account",
)

TOO_LARGE = Failure(
    "It is too large for Publer.", f"Take a picture away or choose smaller ones. {_EDIT}", where="pictures"
)
"""A request of this post alone that Publer refused for its size (413)."""

PICTURE_TOO_LARGE = _LARGE
"""A picture that Publer refused for its size (413)."""

MEDIA_GONE = Failure(
    "Publer does not find the picture any more.",
    "Try again: it is uploaded anew.",
    retry_helps=True,
    where="pictures",
)


def _row(said: str, meaning: Failure, network: str = "") -> _Row:
    return _Row(regex.compile(said, regex.IGNORECASE), meaning, network)


_KNOWN = (
    # Publer's own (its documents, and what its bulk endpoint answers)
    _row(
        r"one minute gap",
        Failure("{network} takes one post a minute.", "", retry_helps=True, kind="gap"),
    ),
    _row(r"daily limit|limit per day|posts per day|24 hours|daily (status )?update limit", _DAILY),
    _row(r"media (was|is) not found", MEDIA_GONE),
    _row(
        r"media can't be blank|media is required|requires? (an?|at least one) (image|photo|picture|media)",
        Failure("{network} needs a picture.", f"Add one. {_EDIT}", where="pictures"),
    ),
    _row(
        r"text can't be blank|(text|message) is (empty|required)|empty message",
        Failure("{network} wants words.", f"Write some. {_EDIT}", where="text"),
    ),
    _row(
        r"post type .*not supported|is not supported by",
        Failure(
            "Publer cannot post this kind on {network}.",
            f"Leave the channel out, or say it without what it does not take. {_EDIT}",
            where="channels",
        ),
    ),
    _row(
        r"too many hashtags|hashtags? limit",
        Failure("{network} finds too many hashtags.", f"Take some out. {_EDIT}", where="text"),
    ),
    _row(r"account (was )?not found", _NO_ACCOUNT),
    _row(
        r"(your|current|this) (plan|subscription)|upgrade (your|the|to)",
        Failure(
            "Publer's plan does not allow this.",
            "Change the plan there, then try again.",
            retry_helps=True,
            where="publer",
        ),
    ),
    # each network's own sentences and numbers
    _row(r"\b187\b", _DUPLICATE, "twitter"),
    _row(r"\b186\b|needs? to be a bit shorter", _TOO_LONG, "twitter"),
    _row(r"\(?#506\)?|duplicate status message", _DUPLICATE, "facebook"),
    _row(r"\(#368\)|deemed abusive", _LOCKED, "facebook"),
    _row(r"\(#100\).*(url|link)|link post failure", _LINK, "facebook"),
    _row(r"\b36003\b|\b2207009\b", _SHAPE, "instagram"),
    _row(r"\b36000\b|\b2207004\b", _LARGE, "instagram"),
    _row(r"\b9004\b|\b2207005\b|only photo or video", _FORMAT, "instagram"),
    _row(r"\b2207010\b", _TOO_LONG, "instagram"),
    _row(r"\b2207042\b|maximum number of posts", _DAILY, "instagram"),
    _row(r"\b220705[01]\b|action is blocked", _LOCKED, "instagram"),
    _row(r"duplicate of urn:li|content is a duplicate", _DUPLICATE, "linkedin"),
    _row(r"administrator role|organization.*(permission|role)", _NO_RIGHT, "linkedin"),
    _row(r"graphemes?", _TOO_LONG, "bluesky"),
    _row(r"blob.*too large|976(\.56)? ?kb", _LARGE, "bluesky"),
    _row(r"accounttakedown", _LOCKED, "bluesky"),
    _row(r"chat not found", _NO_ACCOUNT, "telegram"),
    _row(r"bot (was kicked|is not a member|was blocked)|not enough rights", _NO_RIGHT, "telegram"),
    _row(r"(un|not )verified", _LOCKED, "google"),
    _row(r"phone number", _RULES, "google"),
    _row(r"board", _NO_ACCOUNT, "pinterest"),
    _row(r"spam_risk", _SLOWER, "tiktok"),
    _row(r"quotaexceeded|uploadlimitexceeded", _DAILY, "youtube"),
    # what any of them may say
    _row(r"duplicate|already (said|posted|tweeted)|identical (content|post)", _DUPLICATE),
    _row(
        r"(access |refresh )?token (has |is |was )?(been )?(expired|revoked|invalid)"
        r"|expired_?(access_?)?token|revoked_access_token|invalid_?token|error validating access token"
        r"|session (has )?(expired|been)"
        r"|re-?authori[sz]e|re-?connect|re-?authenticat|invalid credentials|oauthexception|\(#190\)",
        _NO_ENTRY,
    ),
    _row(
        r"permission|not (permitted|allowed) to|insufficient (scope|privilege|permission)"
        r"|\(#(10|200)\)|forbidden",
        _NO_RIGHT,
    ),
    _row(r"suspended|(temporarily |been )(locked|blocked|restricted|disabled)|checkpoint", _LOCKED),
    _row(
        r"rate limit|too many (requests|calls|actions|posts)|request limit|throttl|\(#(4|17|32|613)\)",
        _SLOWER,
    ),
    _row(
        r"too long|character limit|longer than \d+|at most \d+ characters|exceeds? .*characters"
        r"|maximum .*characters|(message|caption) is too long",
        _TOO_LONG,
    ),
    _row(r"aspect ratio|dimensions?|resolution|(width|height) (must|should|is)", _SHAPE),
    _row(r"(image|photo|picture|file|media)( size)? .*too (large|big)|larger than .*[mk]b", _LARGE),
    _row(r"(unsupported|invalid|not supported) .*(format|file|image|media|mime)", _FORMAT),
    _row(r"(url|link|domain) .*(blocked|spam|malicious|not allowed|invalid|unsafe)", _LINK),
    _row(r"(community|content) (guidelines|standards|polic)|violat|inappropriate|abusive|\bspam\b", _RULES),
    _row(
        r"(temporarily|service) unavailable|internal (server )?error|something went wrong|timed? ?out"
        r"|try again later|unexpected error|unknown error|\(#[12]\)|\b50[0234]\b",
        _ITS_FAULT,
    ),
)


def meaning(network: str, said: str) -> Failure | None:
    """What these words of the provider's mean on this network; None where nobody has met them yet."""
    return next(
        (row.meaning for row in _KNOWN if row.network in ("", network) and row.said.search(said)), None
    )


def known() -> Iterator[tuple[str, Failure]]:
    """Every network ("" for all) with every meaning that it has."""
    return ((row.network, row.meaning) for row in _KNOWN)
