"""Settings of the sandbox alone; every one of its own variables begins with SANDBOX_."""

import os
import secrets
from pathlib import Path

from stripe_sandbox import retries

BASE = Path(__file__).resolve().parent

# Signs nothing that outlives the process: there are no sessions and no users.
SECRET_KEY = os.environ.get("SANDBOX_SECRET_KEY") or secrets.token_urlsafe(32)
DEBUG = False
# It listens on loopback only; the name a browser uses for it is not its concern.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "stripe_sandbox.urls"
INSTALLED_APPS = ["stripe_sandbox.apps.StripeSandboxConfig"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
USE_I18N = False
APPEND_SLASH = False
DATABASE_PATH = Path(os.environ.get("SANDBOX_DATABASE") or "var/stripe_sandbox.sqlite3")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE_PATH,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(name)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("SANDBOX_LOG_LEVEL", "WARNING")},
}

STRIPE_API_VERSION = "2026-10-28.endive"
WEBHOOK_URLS = [url for url in os.environ.get("SANDBOX_WEBHOOK_URL", "").split(",") if url]
WEBHOOK_SECRETS = [key for key in os.environ.get("SANDBOX_WEBHOOK_SECRETS", "").split(",") if key]
WEBHOOK_TIMEOUT_SECONDS = 10
WEBHOOK_RETRY_SECONDS = retries.schedule(os.environ.get("SANDBOX_RETRY_SECONDS", ""))
# "rk_test_reader=event_read+charge_read,rk_test_other=refund_write"
KEY_PERMISSIONS = {
    key: frozenset(held.split("+"))
    for key, _, held in (
        pair.partition("=") for pair in os.environ.get("SANDBOX_KEY_PERMISSIONS", "").split(",")
    )
    if key
}
# The methods switched on "in the Dashboard"; a request may only filter these.
PAYMENT_METHOD_TYPES = ["card", "alipay", "wechat_pay"]
