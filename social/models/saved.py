"""Words that are used again: templates to begin a post from, and phrases to put into one."""

from django.db import models


class SavedWords(models.Model):
    """A template is a post's first text; a phrase is put in where somebody writes."""

    class Kind(models.TextChoices):
        TEMPLATE = "template", "Template"
        PHRASE = "phrase", "Phrase"

    kind = models.CharField(max_length=10, choices=Kind, default=Kind.PHRASE)
    name = models.CharField(max_length=80, help_text="by which it is chosen")
    text = models.TextField(max_length=10_000)

    class Meta:
        verbose_name = verbose_name_plural = "saved words"
        ordering = ["kind", "name", "id"]
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="saved_words_once_a_name")]

    def __str__(self) -> str:
        return self.name
