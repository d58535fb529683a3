"""From what a caller sends to content; everything is tested before a row is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.models import User

from social import networks, pictures
from social.api import fetch
from social.api.problems import invalid
from social.api.schemas import MediaIn, PostIn, PostPatch
from social.models import Channel, Revision
from social.workflow import Content, InvalidContent, content_of


@dataclass(frozen=True)
class Fetched:
    """A picture that was fetched and checked, with its alternative text."""

    picture: pictures.Picture
    alt_text: str


def check(sent: PostIn) -> Content:
    """The content but for its pictures, none of which is fetched yet. Raises `Problem` or `InvalidContent`.

    What is to be submitted must keep every rule of its networks, a draft only say something.
    """
    content = Content(
        text=sent.text,
        channels=channels(sent.channels),
        link=sent.link or "",
        overrides=_overrides(sent),
        scheduled_at=sent.scheduled_at,
    )
    if not (sent.text.strip() or sent.link or sent.media):
        raise invalid({"text": ["There is nothing to say: write a text, or add a picture or a link."]})
    if sent.submit:
        problems = networks.check(
            text=content.text,
            link=content.link,
            overrides=content.overrides,
            media_count=len(sent.media),
            networks=[channel.network for channel in content.channels],
        )
        if problems:
            raise InvalidContent(problems)
    return content


def channels(ids: Sequence[str]) -> list[Channel]:
    """The accounts of the connected workspace. Raises `Problem` for one that is not among them."""
    rows = Channel.objects.filter(
        connection__provider="publer", connection__connected=True, active=True, account_id__in=ids
    ).select_related("connection")
    known = {row.account_id: row for row in rows}
    unknown = {
        f"channels[{place}]": ["No connected account has this id: GET channels lists them."]
        for place, account in enumerate(ids)
        if account not in known
    }
    if unknown:
        raise invalid(unknown)
    return [known[account] for account in ids]


def fetched(media: Sequence[MediaIn]) -> list[Fetched]:
    """The pictures. Raises `Problem` that names each one that is not to be had, or not to be used."""
    found, errors = [], {}
    for place, item in enumerate(media):
        try:
            content, name = fetch.fetch(item.url)
            found.append(Fetched(pictures.check(content, name), item.alt_text))
        except (fetch.NotFetched, pictures.UnusablePicture) as refusal:
            errors[f"media[{place}].url"] = [str(refusal)]
    if errors:
        raise invalid(errors)
    return found


def with_pictures(content: Content, found: Sequence[Fetched], user: User) -> Content:
    """The content with its pictures, which are kept by this."""
    return replace(content, media=[(item.picture.keep(user), item.alt_text) for item in found])


def changed(revision: Revision, sent: PostPatch, found: Sequence[Fetched], user: User) -> Content:
    """The content of a revision with the sent fields instead of its own. Raises `Problem`."""
    named = sent.model_fields_set
    content = content_of(revision)
    changes: dict[str, Any] = {}
    if "text" in named:
        changes["text"] = sent.text
    if "link" in named:
        changes["link"] = sent.link or ""
    if "scheduled_at" in named:
        changes["scheduled_at"] = sent.scheduled_at
    if "channels" in named:
        changes["channels"] = channels(sent.channels)
    if "overrides" in named:
        changes["overrides"] = _overrides(sent)
    content = replace(content, **changes)
    if "media" in named:
        content = with_pictures(content, found, user)
    if not (content.text.strip() or content.link or content.media):
        raise invalid({"text": ["There is nothing to say: write a text, or add a picture or a link."]})
    return content


def _overrides(sent: PostIn | PostPatch) -> Mapping[str, Any]:
    return {network: own.model_dump() for network, own in sent.overrides.items()}
