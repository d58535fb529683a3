"""An account on a network, as the provider connects it."""

from django.db import models

from integrations.connections import Connection
from integrations.pausing import Pausable

NETWORK_NAMES = {
    "instagram": "Instagram",
    "facebook": "Facebook",
    "twitter": "X",
    "linkedin": "LinkedIn",
    "threads": "Threads",
    "bluesky": "Bluesky",
    "mastodon": "Mastodon",
    "telegram": "Telegram",
    "google": "Google Business",
    "pinterest": "Pinterest",
    "tiktok": "TikTok",
    "youtube": "YouTube",
    "wordpress": "WordPress",
    "wordpress_oauth": "WordPress",
    "wordpress_basic": "WordPress",
}


class Channel(Pausable):
    """Where a post can go. While a person holds it, nothing is stamped for it."""

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="channels")
    account_id = models.CharField(max_length=100, help_text="the provider's own id")
    network = models.CharField(max_length=30)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30, blank=True, help_text="page, profile, group, business …")
    social_id = models.CharField(max_length=200, blank=True, help_text="the network's own id")
    picture = models.CharField(max_length=1000, blank=True)
    active = models.BooleanField(default=True, help_text="the provider still lists it")
    gone_at = models.DateTimeField(null=True, blank=True, help_text="when it was first seen to be missing")
    slots = models.JSONField(
        default=list,
        blank=True,
        help_text="posting slots: seven lists of times (Monday first), by the shop's clock",
    )
    decide_lead = models.PositiveIntegerField(
        default=120, help_text="minutes before its time by which somebody has to decide about a post"
    )
    default_tags = models.CharField(
        max_length=300, blank=True, help_text="hashtags offered to whoever writes"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "account_id"], name="channel_once_a_connection")
        ]
        ordering = ["network", "name", "id"]

    def __str__(self) -> str:
        return f"{self.network_name}: {self.name}"

    @property
    def network_name(self) -> str:
        """The network as people call it."""
        return NETWORK_NAMES.get(self.network, self.network.replace("_", " ").title())

    def slots_on(self, weekday: int) -> list[str]:
        """The posting slots of a day of the week (0 is Monday): "09:00", in order."""
        return list(self.slots[weekday]) if len(self.slots) == 7 else []

    @property
    def has_slots(self) -> bool:
        return any(self.slots_on(weekday) for weekday in range(7))

    @property
    def address(self) -> str:
        """What names this channel for ever, in hashes too: workspace and account."""
        return f"{self.connection.workspace}/{self.account_id}"
