"""Connections to providers: which workspace is connected now, and what is wrong with it if anything is."""

from django.db import models
from django.db.models import Q

from integrations.pausing import Pausable


class Connection(Pausable):
    """One workspace at one provider. Its credentials come from the environment, or stand in `credential`.

    Channels, deliveries and submissions bear the connection that they were made under, and are sent or
    looked for only while that workspace is the connected one. While a person holds it, no call is made.
    """

    class Provider(models.TextChoices):
        PUBLER = "publer", "Publer"
        SHOPIFY = "shopify", "Shopify"
        CHATWOOT = "chatwoot", "Chatwoot"

    class Trouble(models.TextChoices):
        NONE = "", "none"
        REFUSED = "refused", "refuses the key"
        SETUP = "setup", "is set up wrongly"
        UNREACHABLE = "unreachable", "cannot be reached"
        NONSENSE = "nonsense", "answers nonsense"

    provider = models.CharField(max_length=20, choices=Provider.choices)
    workspace = models.CharField(
        max_length=100, blank=True, help_text="the provider's own id; empty until it told"
    )
    name = models.CharField(max_length=200, blank=True)
    base_url = models.CharField(max_length=300)
    connected = models.BooleanField(default=False, help_text="this workspace is the connected one now")
    sandbox_feed = models.CharField(max_length=300, blank=True, help_text="where the sandbox shows its feed")
    trouble = models.CharField(max_length=20, choices=Trouble.choices, blank=True)
    trouble_words = models.TextField(blank=True)
    trouble_since = models.DateTimeField(null=True, blank=True)
    trouble_count = models.PositiveIntegerField(
        default=0, help_text="troubles in a row; the wait grows with them"
    )
    last_ok_at = models.DateTimeField(null=True, blank=True)
    last_ok_milliseconds = models.PositiveIntegerField(null=True, blank=True, help_text="of the last test")
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, help_text="stays when it is over")
    connected_at = models.DateTimeField(null=True, blank=True, help_text="the present credential's first day")
    synced_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="nothing is sent before this moment")
    looking_until = models.DateTimeField(
        null=True, blank=True, help_text="a process is reading the list until then"
    )
    batch_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="deliveries a request; halved when one is refused"
    )

    class Meta:
        permissions = [("manage_connection", "Can connect, renew, pause and disconnect a provider")]
        constraints = [
            models.UniqueConstraint(fields=["provider", "workspace"], name="connection_once_a_workspace"),
            models.UniqueConstraint(
                fields=["provider"], condition=Q(connected=True), name="one_connected_workspace_a_provider"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.get_provider_display()

    @property
    def is_sandbox(self) -> bool:
        """Whether nothing that is sent here can reach the public."""
        return bool(self.sandbox_feed)
