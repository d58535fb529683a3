"""What is asked every few seconds is found by indexes of what is open, on SQLite too; two that hold nearly every
row, and so help nobody, go."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("social", "0070_watch")]

    operations = [
        migrations.RemoveIndex(model_name="delivery", name="delivery_queue"),
        migrations.RemoveIndex(model_name="delivery", name="delivery_by_published"),
        migrations.AlterField(
            model_name="delivery",
            name="channel",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="social.channel",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="connection",
            field=models.ForeignKey(
                db_index=False,
                help_text="the workspace it bears",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="integrations.connection",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["channel", "-at_once", "due_at", "id"],
                condition=models.Q(status="queued"),
                name="delivery_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["status", "due_at", "id"], name="delivery_by_status"),
        ),
    ]
