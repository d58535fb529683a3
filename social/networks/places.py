"""Where an account is to be looked at, as far as what Publer tells of it leads there."""

from urllib.parse import urlsplit

import regex

from integrations.connections import Connection
from social.models.channel import Channel

_BY_HANDLE = {
    "twitter": "https://x.com/{}",
    "instagram": "https://www.instagram.com/{}/",
    "threads": "https://www.threads.com/@{}",
    "tiktok": "https://www.tiktok.com/@{}",
    "youtube": "https://www.youtube.com/@{}",
    "telegram": "https://t.me/{}",
    "bluesky": "https://bsky.app/profile/{}",
}
_BY_ID = {
    # network    what its ids look like        where that leads
    "twitter": (r"\d+", "https://x.com/intent/user?user_id={}"),
    "facebook": (r"\d+", "https://www.facebook.com/{}"),
    "linkedin": (r"\d+", "https://www.linkedin.com/company/{}/"),
    "youtube": (r"UC[\w-]{22}", "https://www.youtube.com/channel/{}"),
    "bluesky": (r"did:[\w:.-]+", "https://bsky.app/profile/{}"),
}
_HANDLE = regex.compile(r"@([\w.-]+)")
_MASTODON = regex.compile(r"@([\w.-]+)@([\w-]+(?:\.[\w-]+)+)")


def provider_url(connection: Connection) -> str:
    """Where people sign in to the provider: the root of the address at which it is called."""
    address = urlsplit(connection.base_url)
    return f"{address.scheme}://{address.netloc}/"


def profile_url(channel: Channel) -> str:
    """The public page of an account, or "" where nothing that is known of it leads there."""
    if channel.network == "mastodon":
        found = _MASTODON.fullmatch(channel.name)
        return f"https://{found[2]}/@{found[1]}" if found else ""
    handle = _HANDLE.fullmatch(channel.name)
    if handle and channel.network in _BY_HANDLE:
        return _BY_HANDLE[channel.network].format(handle[1])
    form, address = _BY_ID.get(channel.network, ("", ""))
    if not form or not regex.fullmatch(form, channel.social_id):
        return ""
    if channel.network == "linkedin" and channel.kind != "page":
        return ""
    if channel.network == "facebook" and channel.kind == "group":
        address = "https://www.facebook.com/groups/{}"
    return address.format(channel.social_id)
