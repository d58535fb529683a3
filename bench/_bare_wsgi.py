"""What gunicorn serves for `bench.dashboard`."""

from django.conf import settings

from hotdash.wsgi import application

settings.ROOT_URLCONF = "bench._bare"
__all__ = ["application"]
