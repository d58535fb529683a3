"""The project: settings, the Celery application, addresses and the site-wide admin."""

from hotdash.celery import app as celery_app

__all__ = ["celery_app"]
