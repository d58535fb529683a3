"""Everything that can be set, read from the environment (`.env.example` explains each name).

A secret can also be read from a file: `NAME_FILE=/path` stands for `NAME`.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from hotdash import logs, look
from hotdash.clocks import Clocks

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.FileAwareEnv()
environ.Env.read_env(os.environ.get("ENV_FILE") or BASE_DIR / ".env")


def _development_secret() -> str:
    """A key of this checkout, made once. The exclusive open lets two first starts agree on one."""
    path = VAR_DIR / "secret-key"
    VAR_DIR.mkdir(exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


def _required_in_production(name: str, development: str) -> str:
    value = env.str(name, default="")
    if value:
        return str(value)
    if not DEBUG:
        raise ImproperlyConfigured(
            f"{name} must be set where DEBUG is off (or {name}_FILE, a path to read it from). "
            "On your own machine, set DEBUG=on instead, as script/server does."
        )
    return development


DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = _required_in_production("SECRET_KEY", _development_secret() if DEBUG else "")
_derived_key = hashlib.sha256(b"fields:" + SECRET_KEY.encode()).hexdigest()
FIELD_ENCRYPTION_KEYS = _required_in_production("FIELD_ENCRYPTION_KEYS", _derived_key).split(",")

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Publer -------------------------------------------------------------------------------------------
PUBLER_BASE_URL = env.str("PUBLER_BASE_URL", default="https://app.publer.com/api/v1").rstrip("/")
PUBLER_API_KEY = env.str("PUBLER_API_KEY", default="").strip()
PUBLER_WORKSPACE_ID = env.str("PUBLER_WORKSPACE_ID", default="").strip()
# The authorization-code grant, where Publer or somebody before it runs an authorization server.
PUBLER_OAUTH_AUTHORIZE_URL = env.str("PUBLER_OAUTH_AUTHORIZE_URL", default="").strip()
PUBLER_OAUTH_TOKEN_URL = env.str("PUBLER_OAUTH_TOKEN_URL", default="").strip()
PUBLER_OAUTH_REVOKE_URL = env.str("PUBLER_OAUTH_REVOKE_URL", default="").strip()
PUBLER_OAUTH_CLIENT_ID = env.str("PUBLER_OAUTH_CLIENT_ID", default="").strip()
PUBLER_OAUTH_CLIENT_SECRET = env.str("PUBLER_OAUTH_CLIENT_SECRET", default="").strip()
PUBLER_OAUTH_SCOPE = env.str("PUBLER_OAUTH_SCOPE", default="").strip()
PUBLER_RATE_LIMIT = env.int("PUBLER_RATE_LIMIT", default=100)
PUBLER_RATE_PERIOD = env.int("PUBLER_RATE_PERIOD", default=120)
PUBLER_BULK_SIZE = env.int("PUBLER_BULK_SIZE", default=50)
PUBLER_PLAN = env.str("PUBLER_PLAN", default="business")

# Shopify and Chatwoot -----------------------------------------------------------------------------
SHOPIFY_STORE_DOMAIN = env.str("SHOPIFY_STORE_DOMAIN", default="").strip().removeprefix("https://").strip("/")
SHOPIFY_API_VERSION = env.str("SHOPIFY_API_VERSION", default="2026-10").strip()
SHOPIFY_BASE_URL = env.str(
    "SHOPIFY_BASE_URL", default=f"https://{SHOPIFY_STORE_DOMAIN}" if SHOPIFY_STORE_DOMAIN else ""
).rstrip("/")
SHOPIFY_ACCESS_TOKEN = env.str("SHOPIFY_ACCESS_TOKEN", default="").strip()
SHOPIFY_CLIENT_ID = env.str("SHOPIFY_CLIENT_ID", default="").strip()
SHOPIFY_CLIENT_SECRET = env.str("SHOPIFY_CLIENT_SECRET", default="").strip()
CHATWOOT_BASE_URL = env.str("CHATWOOT_BASE_URL", default="").strip().rstrip("/")
CHATWOOT_ACCOUNT_ID = env.str("CHATWOOT_ACCOUNT_ID", default="").strip()
CHATWOOT_API_TOKEN = env.str("CHATWOOT_API_TOKEN", default="").strip()
CHATWOOT_AUTH_HEADER = env.str("CHATWOOT_AUTH_HEADER", default="Api-Access-Token").strip()

# Rules that staff rely on -------------------------------------------------------------------------
REQUIRE_SECOND_PERSON = env.bool("REQUIRE_SECOND_PERSON", default=True)
UNDO_SECONDS = env.float("UNDO_SECONDS", default=0.0)
TIME_MOVE_KEEPS_APPROVAL_MINUTES = env.int("TIME_MOVE_KEEPS_APPROVAL_MINUTES", default=120)
MEDIA_FETCH_PRIVATE_ADDRESSES = env.bool("MEDIA_FETCH_PRIVATE_ADDRESSES", default=False)
SHOP_NAME = env.str("SHOP_NAME", default="Kiln & Linen")

# The engine's clocks, in seconds ------------------------------------------------------------------
_clocks = Clocks(
    connect_timeout=env.float("PROVIDER_CONNECT_TIMEOUT", default=5.0),
    read_timeout=env.float("PROVIDER_READ_TIMEOUT", default=30.0),
    lease=env.float("PUBLISH_LEASE_SECONDS", default=60.0),
    resend_after=env.float("RESEND_AFTER_SECONDS", default=180.0),
    grace=env.float("RECONCILE_GRACE_SECONDS", default=30.0),
    handover_lead=env.float("HANDOVER_LEAD_SECONDS", default=3600.0),
    late_after=env.float("LATE_AFTER_SECONDS", default=3600.0),
    engine_gap=env.float("ENGINE_GAP_SECONDS", default=60.0),
    dispatch_interval=env.float("DISPATCH_INTERVAL_SECONDS", default=10.0),
).settle()
CLOCK_WARNINGS = _clocks.warnings
PROVIDER_CONNECT_TIMEOUT = _clocks.connect_timeout
PROVIDER_READ_TIMEOUT = _clocks.read_timeout
PUBLISH_LEASE_SECONDS = _clocks.lease
RESEND_AFTER_SECONDS = _clocks.resend_after
RECONCILE_GRACE_SECONDS = _clocks.grace
HANDOVER_LEAD_SECONDS = _clocks.handover_lead
LATE_AFTER_SECONDS = _clocks.late_after
ENGINE_GAP_SECONDS = _clocks.engine_gap
DISPATCH_INTERVAL_SECONDS = _clocks.dispatch_interval
POLL_INTERVAL_SECONDS = env.float("POLL_INTERVAL_SECONDS", default=3.0)
PUBLISH_GAP_SECONDS = env.float("PUBLISH_GAP_SECONDS", default=60.0)
RETRY_BASE_SECONDS = env.float("RETRY_BASE_SECONDS", default=30.0)
RETRY_MAX_ATTEMPTS = env.int("RETRY_MAX_ATTEMPTS", default=5)
# What was set here is written to Beat's entries when `beat` starts; the rest stays as edited in the admin.
BEAT_INTERVALS_SET = {
    "dispatch": DISPATCH_INTERVAL_SECONDS if "DISPATCH_INTERVAL_SECONDS" in os.environ else None,
    "poll": POLL_INTERVAL_SECONDS if "POLL_INTERVAL_SECONDS" in os.environ else None,
}

# Where a test halts a process, to kill it there or to let it wake too late (`social.publishing.pausepoint`).
TEST_PAUSE_AT = env.str("TEST_PAUSE_AT", default="")
TEST_PAUSE_FILE = env.str("TEST_PAUSE_FILE", default="")
TEST_PAUSE_SECONDS = env.float("TEST_PAUSE_SECONDS", default=3600.0)

# Django -------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "hotdash.apps.HotdashConfig",
    "social.apps.SocialConfig",
    "integrations.apps.IntegrationsConfig",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "hotdash.apps.HotdashAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "ninja",
]
MIDDLEWARE = [
    "hotdash.middleware.Probes",
    "hotdash.middleware.ErrorsInWords",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hotdash.middleware.ContentSecurityPolicy",
    "social.api.quota.RateLimitHeaders",
    "social.api.problems.EveryErrorIsAProblem",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "hotdash.middleware.PersonsTimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
CSRF_FAILURE_VIEW = "hotdash.errors.forgery"
ROOT_URLCONF = "hotdash.urls"
WSGI_APPLICATION = "hotdash.wsgi.application"
ASGI_APPLICATION = "hotdash.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# The database row is the truth: commits stay (synchronous=FULL), writers wait for each other in turn.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'hotdash.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    )
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Without a server of one's own: the embedded Valkey, whose address `script/*` leave here. With neither, an
# address at which nobody answers: people work on, and nothing is sent.
_embedded = VAR_DIR / "valkey" / "url"
REDIS_URL = env.str("REDIS_URL", default="") or (
    _embedded.read_text().strip() if _embedded.exists() else "redis://127.0.0.1:1/0"
)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "hotdash",
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 2,
            # A page must come up without the cache; the limiter, which must not, asks the server itself.
            "IGNORE_EXCEPTIONS": True,
        },
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "global_keyprefix": env.str("BROKER_KEY_PREFIX", default=""),
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "hotdash.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "admin:login"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LANGUAGE_CODE = "en-gb"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
SHOP_TIME_ZONE = env.str("SHOP_TIME_ZONE", default="Europe/Berlin")
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["hotdash.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
# One picture of 20 MB, and a bulk action on 1,000 posts with a content hash each.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = bool(SECURE_SSL_REDIRECT)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

UNFOLD = look.UNFOLD
LOGGING_CONFIG = None
logs.configure(debug=DEBUG)
