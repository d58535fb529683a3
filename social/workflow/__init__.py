"""Who may do what to a post, and what it then is. The only code that writes a status.

`table` holds the rules, `posts` and `moving` what people and programs do, `deliveries` what the engine finds
out; `pausing` holds all of it, or a part.
"""

from social.workflow.actors import Actor
from social.workflow.content import Content, content_of
from social.workflow.expired import decide_expired
from social.workflow.moving import Cost, drop, move, reschedule
from social.workflow.pausing import pause, resume
from social.workflow.posts import (
    approve,
    approve_all,
    cancel,
    create,
    duplicate,
    edit,
    publish,
    recall,
    reject,
    retry,
    settle,
    stop,
    submit,
    undo,
    withdraw,
)
from social.workflow.refusals import InvalidContent, NotAllowed, Refusal, WrongState
from social.workflow.rollup import label_of
from social.workflow.table import how_it_came_to_be, why_not

__all__ = [
    "Actor",
    "Content",
    "Cost",
    "InvalidContent",
    "NotAllowed",
    "Refusal",
    "WrongState",
    "approve",
    "approve_all",
    "cancel",
    "content_of",
    "create",
    "decide_expired",
    "drop",
    "duplicate",
    "edit",
    "how_it_came_to_be",
    "label_of",
    "move",
    "pause",
    "publish",
    "recall",
    "reject",
    "reschedule",
    "resume",
    "retry",
    "settle",
    "stop",
    "submit",
    "undo",
    "why_not",
    "withdraw",
]
