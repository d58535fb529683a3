"""A moved time: whose words the new revision repeats, and whose approval stands for it.

The new columns may be empty, so that no guarded table is made anew (it would lose its triggers).
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("social", "0060_pauses")]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="moved_from",
            field=models.ForeignKey(
                help_text="whose words it repeats: only the time differs. Never itself one that was moved",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="social.revision",
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="kept_from",
            field=models.ForeignKey(
                help_text="the person's own approval, which stands for this revision since only the time "
                "moved, within the rule. Never itself one that was kept",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="social.approval",
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="for_time",
            field=models.DateTimeField(
                help_text="the public moment that was approved, where the revision names another or none",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("verb__in", ("looked for first", "not live yet"))),
                fields=["created_at"],
                name="event_looked_for",
            ),
        ),
    ]
