from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("social", "0020_forget_old_answers")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="gone_at",
            field=models.DateTimeField(
                blank=True, help_text="when it was first seen to be missing", null=True
            ),
        )
    ]
