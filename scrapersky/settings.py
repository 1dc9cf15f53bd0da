"""Settings: one file, read from the environment or from `.env`. `.env.example` lists every one.

With no `.env` at all the project runs on SQLite with every platform switched off.
"""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ

from scrapersky import env
from scrapersky.secret_key import local_secret_key

# Lets `ModelAdmin[Contact]` and its like be written, for the type checker.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(BASE_DIR / ".env")

DEBUG: bool = env.flag("DEBUG", default=False)
SECRET_KEY: str = env.text("SECRET_KEY") or local_secret_key(BASE_DIR / ".secret_key")
# By it erased people are recognised (contacts.address_hash): as long as it stays the same.
ERASURE_KEY: str = env.text("ERASURE_KEY") or SECRET_KEY
ALLOWED_HOSTS: list[str] = env.words("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.words("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    # Before django_q: our `qcluster` command adds a heartbeat and a quick, clean stop to theirs.
    "curation_sdk",
    "contacts",
    "webhooks",
    "contact_curation",
    "opt_outs",
    "reconciliation",
    "brevo_sync",
    "hubspot_sync",
    "mautic_sync",
    "n8n_sync",
    "erasure",
    "sync_admin",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_filters",
    "django_q",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "scrapersky.middleware.limit_api_body",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "scrapersky.urls"
WSGI_APPLICATION = "scrapersky.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
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
    },
]

# --- Database ---------------------------------------------------------------------------------------

DATABASES: dict[str, Any] = {"default": env.database("DATABASE_URL", default="sqlite:///db.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    if DATABASES["default"]["NAME"] != ":memory:":
        # A relative path is relative to manage.py, wherever the command was started.
        DATABASES["default"]["NAME"] = BASE_DIR / DATABASES["default"]["NAME"]
    # WAL lets web, worker and command read while one of them writes; IMMEDIATE takes the write lock at
    # the start of a transaction, where waiting is possible, not in the middle, where it is an error.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
    # A server that does not answer at all, not even "no", must not hold up a request or the worker's guard.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Task queue ---------------------------------------------------------------------------------------

REDIS_URL: str = env.text("REDIS_URL")

# django-q2's own defaults lose or repeat work: no time-out, endless attempts, a second start of a task that
# takes longer than a minute, failures that stay queued. Retries live in our job loop only, so here a task
# gets one attempt and is acknowledged whatever came of it. `curation_sdk.checks` holds these rules.
Q_CLUSTER: dict[str, Any] = {
    "name": "scrapersky",
    "label": "Task queue",
    "workers": env.whole_number("Q_WORKERS", default=2, least=1),
    "timeout": 240,
    "retry": 300,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "recycle": 500,
    "save_limit": 250,
    "save_limit_per": "group",
    "poll": 0.5,
    "guard_cycle": 1,
}
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
    Q_CLUSTER["broker_class"] = "curation_sdk.redis_broker.ImpatientRedis"
else:
    Q_CLUSTER["orm"] = "default"

# Days for which runs, attempts and failed tasks are kept; 0 keeps them for ever.
SYNC_HISTORY_DAYS: int = env.whole_number("SYNC_HISTORY_DAYS", default=90, least=0)

# What platforms hold is compared with what is Complete here: each night from this hour on (of TIME_ZONE), or only when
# somebody asks for it.
RECONCILE_NIGHTLY: bool = env.flag("RECONCILE_NIGHTLY", default=True)
RECONCILE_HOUR: int = env.whole_number("RECONCILE_HOUR", default=2, least=0)

# Whose work a worker takes up again at its start and after a crash: the `SyncJob` of curation, each platform, erasure.
SYNC_JOBS = [
    "contact_curation.job.CURATION",
    "brevo_sync.job.BREVO",
    "hubspot_sync.job.HUBSPOT",
    "mautic_sync.job.MAUTIC",
    "n8n_sync.job.N8N",
    "erasure.job.ERASURE",
]

# Platforms that are told of our opt-outs, and those that are swept for theirs each day.
OPT_OUT_TELLERS = ["brevo_sync.opt_outs.TELLER", "mautic_sync.opt_outs.TELLER"]
OPT_OUT_SWEEPERS = ["brevo_sync.opt_outs.SWEEPER"]
# Who tells us by webhook what happened to contacts: each platform's `Source`. What a worker's main process looks after
# besides, every few seconds.
WEBHOOK_SOURCES = ["brevo_sync.webhooks.BREVO_EVENTS", "mautic_sync.webhooks.MAUTIC_EVENTS"]
SYNC_LOOKS = ["webhooks.tasks.look", "opt_outs.tasks.look"]

# Platforms whose contacts another program, such as n8n, fetches through the API: they can be queued without
# credentials of ours.
SYNC_PULLED_PLATFORMS: list[str] = env.words("SYNC_PULLED_PLATFORMS", default=[])

# Nobody is pushed without a lawful basis that is recorded with the contact.
REQUIRE_LAWFUL_BASIS: bool = env.flag("REQUIRE_LAWFUL_BASIS", default=False)

# --- People and pages -----------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE: str = env.text("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# The finders serve the admin's files without a `collectstatic` step; a production server that ran it uses
# STATIC_ROOT, which WhiteNoise prefers.
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", "No directory at", UserWarning, module="whitenoise")

# --- API ------------------------------------------------------------------------------------------------

API_MAX_BODY_BYTES = 5 * 1024 * 1024  # about 120,000 contact ids

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["scrapersky.api.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "scrapersky.api.exception_handler",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "TOKEN_REFRESH_SERIALIZER": "scrapersky.api.RefreshSerializer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ScraperSky contact sync",
    "DESCRIPTION": "Scraped contacts, their curation, and their way into Brevo, HubSpot, Mautic and n8n.",
    "VERSION": "3",
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["scrapersky.api.without_slash"],
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "scrapersky.schema.with_webhooks"],
    # The four platforms and curation share their values; without this the schema names each enum after a platform.
    "ENUM_NAME_OVERRIDES": {
        "StatusEnum": "curation_sdk.statuses.SyncStatus",
        "ProcessingStatusEnum": "curation_sdk.statuses.ProcessingStatus",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- HTTPS ----------------------------------------------------------------------------------------------

HTTPS_ONLY: bool = env.flag("HTTPS_ONLY", default=False)
if HTTPS_ONLY:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^health/?$"]  # asked by the machine next door, over plain HTTP
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
X_FRAME_OPTIONS = "DENY"

# --- Logging --------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    # Django's own handlers would print each line a second time.
    # urllib3 logs a second try with its path, which may hold somebody's address.
    "loggers": {"django": {"handlers": [], "propagate": True}, "urllib3": {"level": "ERROR"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", default="INFO").upper()},
}

# --- Curation -------------------------------------------------------------------------------------------
# Always on. What each setting does: docs/curation.md.

CURATION_PHONE_REGION: str = env.text("CURATION_PHONE_REGION").upper()
CURATION_SCHEDULER_INTERVAL_MINUTES: int = env.whole_number("CURATION_SCHEDULER_INTERVAL_MINUTES", default=5, least=1)
CURATION_SCHEDULER_BATCH_SIZE: int = env.whole_number("CURATION_SCHEDULER_BATCH_SIZE", default=500, least=1)
CURATION_SCHEDULER_MAX_INSTANCES: int = env.whole_number("CURATION_SCHEDULER_MAX_INSTANCES", default=1, least=1)

# --- Brevo ----------------------------------------------------------------------------------------------
# Off until BREVO_API_KEY is set. What each setting does: docs/brevo.md.

BREVO_API_KEY: str = env.text("BREVO_API_KEY")
BREVO_LIST_ID: str = env.text("BREVO_LIST_ID")
BREVO_API_BASE_URL: str = env.text("BREVO_API_BASE_URL", default="https://api.brevo.com/v3")
BREVO_RATE_LIMIT_PER_SECOND: float = env.number_above_zero("BREVO_RATE_LIMIT_PER_SECOND", default=10.0)
BREVO_CONCURRENCY: int = env.whole_number("BREVO_CONCURRENCY", default=0, least=0)  # 0: worked out from the rate limit
BREVO_PHONE_REGION: str = env.text("BREVO_PHONE_REGION").upper()
BREVO_ATTRIBUTES: dict[str, str] = env.pairs("BREVO_ATTRIBUTES")
BREVO_WEBHOOK_TOKENS: list[str] = env.words("BREVO_WEBHOOK_TOKENS", default=[])
BREVO_WEBHOOK_URL: str = env.text("BREVO_WEBHOOK_URL")
BREVO_WEBHOOK_SILENT_DAYS: int = env.whole_number("BREVO_WEBHOOK_SILENT_DAYS", default=7, least=0)
BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES: int = env.whole_number(
    "BREVO_SYNC_SCHEDULER_INTERVAL_MINUTES", default=5, least=1
)
BREVO_SYNC_SCHEDULER_BATCH_SIZE: int = env.whole_number("BREVO_SYNC_SCHEDULER_BATCH_SIZE", default=10, least=1)
BREVO_SYNC_SCHEDULER_MAX_INSTANCES: int = env.whole_number("BREVO_SYNC_SCHEDULER_MAX_INSTANCES", default=1, least=1)
BREVO_SYNC_MAX_RETRIES: int = env.whole_number("BREVO_SYNC_MAX_RETRIES", default=3, least=0)
BREVO_SYNC_RETRY_DELAY_MINUTES: int = env.whole_number("BREVO_SYNC_RETRY_DELAY_MINUTES", default=5, least=1)
BREVO_SYNC_RETRY_EXPONENTIAL: bool = env.flag("BREVO_SYNC_RETRY_EXPONENTIAL", default=True)

# --- HubSpot --------------------------------------------------------------------------------------------
# Off until HUBSPOT_API_KEY is set. What each setting does: docs/hubspot.md.

HUBSPOT_API_KEY: str = env.text("HUBSPOT_API_KEY")
HUBSPOT_API_BASE_URL: str = env.text("HUBSPOT_API_BASE_URL", default="https://api.hubapi.com")
HUBSPOT_API_VERSION: str = env.text("HUBSPOT_API_VERSION", default="2026-09")
HUBSPOT_PROPERTIES: dict[str, str] = env.pairs("HUBSPOT_PROPERTIES")
HUBSPOT_RATE_LIMIT_PER_SECOND: float = env.number_above_zero("HUBSPOT_RATE_LIMIT_PER_SECOND", default=9.0)
HUBSPOT_CONCURRENCY: int = env.whole_number("HUBSPOT_CONCURRENCY", default=4, least=0)  # 0: as for Brevo
HUBSPOT_SYNC_SCHEDULER_INTERVAL_MINUTES: int = env.whole_number(
    "HUBSPOT_SYNC_SCHEDULER_INTERVAL_MINUTES", default=5, least=1
)
HUBSPOT_SYNC_SCHEDULER_BATCH_SIZE: int = env.whole_number("HUBSPOT_SYNC_SCHEDULER_BATCH_SIZE", default=100, least=1)
HUBSPOT_SYNC_SCHEDULER_MAX_INSTANCES: int = env.whole_number(
    "HUBSPOT_SYNC_SCHEDULER_MAX_INSTANCES", default=1, least=1
)
HUBSPOT_SYNC_MAX_RETRIES: int = env.whole_number("HUBSPOT_SYNC_MAX_RETRIES", default=3, least=0)
HUBSPOT_SYNC_RETRY_DELAY_MINUTES: int = env.whole_number("HUBSPOT_SYNC_RETRY_DELAY_MINUTES", default=5, least=1)
HUBSPOT_SYNC_RETRY_EXPONENTIAL: bool = env.flag("HUBSPOT_SYNC_RETRY_EXPONENTIAL", default=True)

# --- Mautic ---------------------------------------------------------------------------------------------
# Off until there is a log-in: a user's, or a client's. What each setting does: docs/mautic.md.

MAUTIC_API_BASE_URL: str = env.text("MAUTIC_API_BASE_URL")
MAUTIC_USERNAME: str = env.text("MAUTIC_USERNAME")
MAUTIC_PASSWORD: str = env.text("MAUTIC_PASSWORD")
MAUTIC_CLIENT_ID: str = env.text("MAUTIC_CLIENT_ID")
MAUTIC_CLIENT_SECRET: str = env.text("MAUTIC_CLIENT_SECRET")
MAUTIC_SEGMENT_ID: str = env.text("MAUTIC_SEGMENT_ID")
MAUTIC_FIELDS: dict[str, str] = env.pairs("MAUTIC_FIELDS")
MAUTIC_WEBHOOK_SECRET: str = env.text("MAUTIC_WEBHOOK_SECRET")
MAUTIC_RATE_LIMIT_PER_SECOND: float = env.number_above_zero("MAUTIC_RATE_LIMIT_PER_SECOND", default=5.0)
MAUTIC_CONCURRENCY: int = env.whole_number("MAUTIC_CONCURRENCY", default=2, least=0)
MAUTIC_SYNC_SCHEDULER_INTERVAL_MINUTES: int = env.whole_number(
    "MAUTIC_SYNC_SCHEDULER_INTERVAL_MINUTES", default=5, least=1
)
MAUTIC_SYNC_SCHEDULER_BATCH_SIZE: int = env.whole_number("MAUTIC_SYNC_SCHEDULER_BATCH_SIZE", default=50, least=1)
MAUTIC_SYNC_SCHEDULER_MAX_INSTANCES: int = env.whole_number("MAUTIC_SYNC_SCHEDULER_MAX_INSTANCES", default=1, least=1)
MAUTIC_SYNC_MAX_RETRIES: int = env.whole_number("MAUTIC_SYNC_MAX_RETRIES", default=3, least=0)
MAUTIC_SYNC_RETRY_DELAY_MINUTES: int = env.whole_number("MAUTIC_SYNC_RETRY_DELAY_MINUTES", default=5, least=1)
MAUTIC_SYNC_RETRY_EXPONENTIAL: bool = env.flag("MAUTIC_SYNC_RETRY_EXPONENTIAL", default=True)

# --- n8n ------------------------------------------------------------------------------------------------
# Nothing is pushed until N8N_WEBHOOK_URL is set; nothing is taken in until N8N_WEBHOOK_SECRET is. See docs/n8n.md.

N8N_WEBHOOK_URL: str = env.text("N8N_WEBHOOK_URL")
N8N_WEBHOOK_SECRET: str = env.text("N8N_WEBHOOK_SECRET")
N8N_EXPECT_CALLBACK: bool = env.flag("N8N_EXPECT_CALLBACK", default=False)
N8N_CALLBACK_DEADLINE_MINUTES: int = env.whole_number("N8N_CALLBACK_DEADLINE_MINUTES", default=30, least=1)
N8N_RATE_LIMIT_PER_SECOND: float = env.number_above_zero("N8N_RATE_LIMIT_PER_SECOND", default=10.0)
N8N_CONCURRENCY: int = env.whole_number("N8N_CONCURRENCY", default=0, least=0)  # 0: worked out from the rate limit
N8N_SYNC_SCHEDULER_INTERVAL_MINUTES: int = env.whole_number("N8N_SYNC_SCHEDULER_INTERVAL_MINUTES", default=5, least=1)
N8N_SYNC_SCHEDULER_BATCH_SIZE: int = env.whole_number("N8N_SYNC_SCHEDULER_BATCH_SIZE", default=10, least=1)
N8N_SYNC_SCHEDULER_MAX_INSTANCES: int = env.whole_number("N8N_SYNC_SCHEDULER_MAX_INSTANCES", default=1, least=1)
N8N_SYNC_MAX_RETRIES: int = env.whole_number("N8N_SYNC_MAX_RETRIES", default=3, least=0)
N8N_SYNC_RETRY_DELAY_MINUTES: int = env.whole_number("N8N_SYNC_RETRY_DELAY_MINUTES", default=5, least=1)
N8N_SYNC_RETRY_EXPONENTIAL: bool = env.flag("N8N_SYNC_RETRY_EXPONENTIAL", default=True)
