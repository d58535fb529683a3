"""The figures of shop and inbox, and Beat's entries that read them."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def make_entries(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    """They can be edited in the admin. `expire_seconds`: a stopped worker finds no heap."""
    interval, _ = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=60, period="seconds"
    )
    for name, task, description in (
        ("read-shop", "social.tasks.read_shop", "Read the shop's figures from Shopify."),
        ("read-inbox", "social.tasks.read_inbox", "Read the support inbox's figures from Chatwoot."),
    ):
        apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
            name=name,
            defaults={"task": task, "interval": interval, "expire_seconds": 60, "description": description},
        )


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0021_channel_gone_at"),
        ("integrations", "0002_credentials_and_notices"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [
        migrations.CreateModel(
            name="Figures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("data", models.JSONField(blank=True, default=dict)),
                ("as_of", models.DateTimeField(blank=True, help_text="of the oldest part that is shown", null=True)),
                ("problem", models.TextField(blank=True, help_text="what the last reading did not bring, and why")),
                ("waits_until", models.DateTimeField(blank=True, help_text="the limiter's word: not asked for before", null=True)),
                ("reading_until", models.DateTimeField(blank=True, help_text="a process is reading them until then", null=True)),
                ("connection", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name="figures", to="integrations.connection")),
            ],
            options={"verbose_name_plural": "figures"},
        ),
        migrations.RunPython(make_entries, migrations.RunPython.noop),
    ]
