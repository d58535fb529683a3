"""What a post is made of, one idea a file."""

from social.models.approval import Approval
from social.models.blackout import Blackout
from social.models.channel import Channel
from social.models.delivery import Delivery
from social.models.engine import Engine, Heartbeat, Minute
from social.models.event import Event
from social.models.figures import Figures
from social.models.media import Media, Upload
from social.models.post import Post
from social.models.reading import Reading
from social.models.revision import Revision, RevisionMedia
from social.models.saved import SavedWords
from social.models.submission import Submission, SubmissionItem
from social.models.switch import Switch
from social.models.token import ApiToken, IdempotentCall, Told

__all__ = [
    "ApiToken",
    "Approval",
    "Blackout",
    "Channel",
    "Delivery",
    "Engine",
    "Event",
    "Figures",
    "Heartbeat",
    "IdempotentCall",
    "Media",
    "Minute",
    "Post",
    "Reading",
    "Revision",
    "RevisionMedia",
    "SavedWords",
    "Submission",
    "SubmissionItem",
    "Switch",
    "Told",
    "Upload",
]
