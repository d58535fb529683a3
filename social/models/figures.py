"""What was read last from the providers that the dashboard shows: the shop, the support inbox."""

from django.db import models

from integrations.connections import Connection


class Figures(models.Model):
    """The figures of one connection, in parts that were read on their own: `data` has each under its name,
    with the moment at which it was asked for (`as_of`). Screens and programs read this row, never the
    provider."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="figures")
    data = models.JSONField(default=dict, blank=True)
    as_of = models.DateTimeField(null=True, blank=True, help_text="of the oldest part that is shown")
    problem = models.TextField(blank=True, help_text="what the last reading did not bring, and why")
    waits_until = models.DateTimeField(
        null=True, blank=True, help_text="the limiter's word: not asked for before"
    )
    reading_until = models.DateTimeField(
        null=True, blank=True, help_text="a process is reading them until then"
    )

    class Meta:
        verbose_name_plural = "figures"

    def __str__(self) -> str:
        return f"figures of {self.connection}"
