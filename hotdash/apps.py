from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class HotdashConfig(AppConfig):
    name = "hotdash"
    verbose_name = "HotDash"


class HotdashAdminConfig(AdminConfig):
    default_site = "hotdash.site.HotdashSite"
