"""Every part once, to compare against. With DEBUG only."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from social.templatetags.hotdash import PILLS


def kit(request: HttpRequest) -> HttpResponse:
    """The kit page."""
    shown = {"title": "Kit", "subtitle": "every part once", "is_fullwidth": "1", "pills": list(PILLS)}
    return render(request, "hotdash/kit.html", {**admin.site.each_context(request), **shown})
