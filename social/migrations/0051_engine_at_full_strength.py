"""What a person sends now goes first; what is to become of a post once Publer has let go of it; who decided, as
they were called then; where an account is on its network; how far a look at its list has come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("social", "0050_figures")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="at_once",
            field=models.BooleanField(
                default=False, help_text="a person sends it now: it goes before all others"
            ),
        ),
        migrations.AddField(
            model_name="channel",
            name="social_id",
            field=models.CharField(blank=True, default="", help_text="the network's own id", max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="post",
            name="change",
            field=models.JSONField(
                blank=True,
                default=dict,
                editable=False,
                help_text="what is to become of it once Publer has let go of it",
            ),
        ),
        migrations.CreateModel(
            name="Reading",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("so_far", models.JSONField(help_text="`social.publishing.looking.SoFar`")),
                ("at", models.DateTimeField(help_text="when it was left")),
                (
                    "channel",
                    models.OneToOneField(
                        on_delete=models.deletion.CASCADE, related_name="+", to="social.channel"
                    ),
                ),
            ],
        ),
        # Nullable, so that no database makes the table anew: it would lose the triggers that guard it.
        migrations.AddField(
            model_name="approval",
            name="user_name",
            field=models.CharField(
                editable=False, help_text="what the person was called then", max_length=200, null=True
            ),
        ),
    ]
