"""The screens, one file each."""

from social.admin import channels_page, connections, media, pauses, posts, saved, tokens, trail

__all__ = ["channels_page", "connections", "media", "pauses", "posts", "saved", "tokens", "trail"]
