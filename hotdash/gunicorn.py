"""gunicorn's settings that depend on the environment."""

from hotdash import settings

bind = f"{settings.HOST}:{settings.PORT}"
graceful_timeout = 20
