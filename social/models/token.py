"""Programs that may propose and read: tokens, and the calls that they may safely repeat."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

SCOPES = {
    "posts:read": "read posts, their events and the channels",
    "posts:write": "propose, edit, submit, cancel and retry posts",
    "posts:publish": "send an approved post at once",
    "dashboard:read": "read the dashboard and the limits",
}


def hashed(secret: str) -> str:
    """Tokens have 256 random bits: a plain SHA-256 is as good as a slow hash here, and can be looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiToken(models.Model):
    """A named program, or agent. Its secret is shown once and stored as a hash."""

    name = models.CharField(max_length=100, help_text="as the screens show it, for example content-agent")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", help_text="who answers for it"
    )
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    purpose = models.CharField(max_length=200, blank=True, help_text="what it does, in a few words")
    daily_quota = models.PositiveIntegerField(
        null=True, blank=True, help_text="most proposals a day of the shop's; without it as many as it likes"
    )
    instructions = models.TextField(
        max_length=5000, blank=True, help_text="what it is told before each proposal, one a line"
    )
    notes = models.TextField(
        max_length=5000, blank=True, help_text="how far it is to be trusted; for people alone"
    )
    stopped_at = models.DateTimeField(null=True, editable=False)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", editable=False
    )
    stop_reason = models.CharField(max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = "agent"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(
        cls,
        *,
        user_id: int,
        name: str,
        scopes: list[str],
        purpose: str = "",
        daily_quota: int | None = None,
    ) -> tuple["ApiToken", str]:
        """Make a token; return it with its secret, which is never to be had again."""
        secret = "hd_" + secrets.token_urlsafe(32)
        token = cls.objects.create(
            user_id=user_id,
            name=name,
            scopes=sorted(set(scopes)),
            purpose=purpose,
            daily_quota=daily_quota,
            digest=hashed(secret),
            prefix=secret[:8],
        )
        return token, secret

    @property
    def usable(self) -> bool:
        """Whether it is known at the door: not revoked, and its person is active. There one that is stopped
        is told so."""
        return self.revoked_at is None and self.user.is_active


class Told(models.Model):
    """A program has read a decision about its proposal."""

    token = models.ForeignKey(ApiToken, models.CASCADE, related_name="+")
    decision = models.ForeignKey("social.Approval", models.CASCADE, related_name="told")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["decision", "token"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.token_id} was told of {self.decision_id}"


class IdempotentCall(models.Model):
    """A write that was answered under an `Idempotency-Key`: the same key gets the same answer for `KEPT`."""

    KEPT = timedelta(days=30)

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.ForeignKey(ApiToken, models.CASCADE, null=True, related_name="+")
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "key"], name="key_once_a_token"),
            models.UniqueConstraint(
                fields=["user", "key"], condition=Q(token=None), name="key_once_a_person"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @classmethod
    def forget_old(cls, now: datetime) -> int:
        """Forget the answers that nobody can ask for any more; return how many."""
        return cls.objects.filter(created_at__lt=now - cls.KEPT).delete()[0]
