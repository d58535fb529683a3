from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class HotdashConfig(AppConfig):
    name = "hotdash"
    verbose_name = "HotDash"


class HotdashAdminConfig(SimpleAdminConfig):
    """The screens are read with the addresses (`hotdash/urls.py`): a worker, Beat and most commands need none
    and start the sooner."""

    default_site = "hotdash.site.HotdashSite"
