"""A revision's moment comes from the database's clock. The column stays as it is: only who fills it changes,
and a table made anew would lose the triggers that guard it."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("social", "0002_history_groups_engine")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="revision",
                    name="created_at",
                    field=models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="by the database's clock: gaps in the engine's life are measured by it",
                    ),
                )
            ]
        )
    ]
