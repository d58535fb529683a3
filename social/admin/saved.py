"""Templates and phrases, kept by those who write posts."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from social.models import SavedWords


@admin.register(SavedWords)
class SavedWordsAdmin(ModelAdmin):
    """What is written here stands in the menus of the composer."""

    list_display = ["name", "kind", "text"]
    list_filter = ["kind"]
    search_fields = ["name", "text"]
    fields = ["kind", "name", "text"]
