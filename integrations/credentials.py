"""What lets us in where the environment does not say: a key or a granted token, encrypted in its row."""

from datetime import datetime

from django.conf import settings
from django.db import models

from integrations.connections import Connection
from integrations.encryption import decrypt, encrypt
from integrations.redaction import remember


class Credential(models.Model):
    """The credential of one connection; a provider has at most one.

    Never shown: `secret` and `renewal` are ciphertext, opened only by `open_secret` and `open_renewal` right
    before a call.
    """

    class Kind(models.TextChoices):
        KEY = "key", "a key"
        OAUTH = "oauth", "a permission given at the provider"

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="credential")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    secret = models.TextField(blank=True, help_text="encrypted; empty once the provider took it back")
    renewal = models.TextField(blank=True, help_text="encrypted refresh token, where there is one")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="not used after this moment")
    renew_at = models.DateTimeField(null=True, blank=True, help_text="renewed by whoever uses it then")
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="when a person has to connect again; empty: not known to end"
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="the provider took it back")
    renewing_until = models.DateTimeField(
        null=True, blank=True, help_text="one process is renewing it until then"
    )
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.connection}"

    def open_secret(self) -> str:
        """Raises Undecipherable."""
        return _opened(self.secret)

    def open_renewal(self) -> str:
        """Raises Undecipherable."""
        return _opened(self.renewal)

    def seal(self, secret: str, renewal: str = "") -> None:
        """Replace what is stored, under the newest key; nothing is saved yet."""
        remember(secret)
        remember(renewal)
        self.secret, self.renewal = encrypt(secret), encrypt(renewal) if renewal else ""

    def ends_within(self, seconds: float, now: datetime) -> bool:
        return self.ends_at is not None and (self.ends_at - now).total_seconds() <= seconds


def _opened(ciphertext: str) -> str:
    text = decrypt(ciphertext)
    remember(text)
    return text
