"""A pause may name its end; one form of a pause for all that can be held."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0002_credentials_and_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="connection",
            name="paused_until",
            field=models.DateTimeField(blank=True, help_text="it goes on by itself then", null=True),
        ),
        migrations.AlterField(
            model_name="connection",
            name="paused_at",
            field=models.DateTimeField(blank=True, help_text="a person holds it since then", null=True),
        ),
        migrations.AlterField(
            model_name="connection",
            name="pause_reason",
            field=models.CharField(blank=True, max_length=300),
        ),
    ]
