from django.apps import AppConfig
from django.conf import settings


class SocialConfig(AppConfig):
    name = "social"
    verbose_name = "Posts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import structlog

        from social.publishing import outbox
        from social.signals import work_to_do

        work_to_do.connect(outbox.nudge_on_commit, dispatch_uid="nudge")
        for warning in settings.CLOCK_WARNINGS:
            structlog.get_logger("hotdash.clocks").warning(warning)
