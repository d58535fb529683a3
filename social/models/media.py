"""Pictures. Their bytes live in the database, so that every process on every host has them and a backup
holds all."""

from django.conf import settings
from django.db import models

from integrations.connections import Connection


class MediaQuerySet(models.QuerySet["Media"]):
    """Media without their bytes, unless asked for."""

    def with_bytes(self) -> "MediaQuerySet":
        return self.defer(None)


class _MediaManager(models.Manager["Media"]):
    def get_queryset(self) -> MediaQuerySet:
        return MediaQuerySet(self.model, using=self._db).defer("content", "thumbnail")

    def with_bytes(self) -> MediaQuerySet:
        return self.get_queryset().with_bytes()


class Media(models.Model):
    """One picture, known by the SHA-256 of its bytes as they are published (metadata already taken off)."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    content = models.BinaryField()
    thumbnail = models.BinaryField(help_text="WebP, at most 320 pixels a side")
    content_type = models.CharField(max_length=50)
    filename = models.CharField(max_length=200, blank=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField(help_text="bytes")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = _MediaManager()

    class Meta:
        verbose_name_plural = "media"

    def __str__(self) -> str:
        return self.filename or self.sha256[:12]


class Upload(models.Model):
    """Where the provider keeps a picture: uploaded once a connection, used by every post that shows it."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    media = models.ForeignKey(Media, models.CASCADE, related_name="uploads")
    provider_id = models.CharField(max_length=100)
    path = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "media"], name="uploaded_once_a_connection")
        ]

    def __str__(self) -> str:
        return self.provider_id
