"""A look at one account's list that goes on."""

from django.db import models

from social.models.channel import Channel


class Reading(models.Model):
    """How far a look at an account's list came before the provider's limit ended it. Losing it costs calls
    and nothing else: the look is then begun anew."""

    channel = models.OneToOneField(Channel, models.CASCADE, related_name="+")
    so_far = models.JSONField(help_text="`social.publishing.looking.SoFar`")
    at = models.DateTimeField(help_text="when it was left")

    def __str__(self) -> str:
        return f"of {self.channel_id}"
