"""Settings, read from the environment by typed readers that fail loudly.

Each variable has its sentence in ``.env.example``; a secret may also come from a file named by
the same variable with ``_FILE`` behind it. Development needs none of them.
"""

from datetime import timedelta
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="" if not DEBUG else "development-only-" + "x" * 48)
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. Copy .env.example to .env or set DEBUG=1.")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else []
)
# The address links in messages start with; never taken from a request's Host header.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL.startswith("https://") else []

# --- The lender ---------------------------------------------------------------------------------
LENDER_NAME = env.str("LENDER_NAME", default="海港小贷 Harbor")
LENDER_TIME_ZONE = env.str("LENDER_TIME_ZONE", default="Asia/Shanghai")
# PV-10: a signed contract this long after its loan is settled, one never signed after it ended.
CONTRACT_KEEP_MONTHS = env.int("CONTRACT_KEEP_MONTHS", default=60)
UNSIGNED_KEEP_DAYS = env.int("UNSIGNED_KEEP_DAYS", default=90)
LENDER_PHONE = env.str("LENDER_PHONE", default="400-000-0000")
LENDER_EMAIL = env.str("LENDER_EMAIL", default="help@lender.example")
# The account that borrowers may transfer to; without its holder and number that way is not shown.
BANK_TRANSFER_NAME = env.str("BANK_TRANSFER_NAME", default="海港小额贷款有限公司" if DEBUG else "")
BANK_TRANSFER_ACCOUNT = env.str(
    "BANK_TRANSFER_ACCOUNT", default="1234 5678 9012 3456 789" if DEBUG else ""
)
BANK_TRANSFER_BANK = env.str("BANK_TRANSFER_BANK", default="演示银行 Demo Bank" if DEBUG else "")
BANK_TRANSFER_CODE = env.str("BANK_TRANSFER_CODE", default="")
# So many days ahead a borrower may promise to pay.
PROMISE_MOST_DAYS = env.int("PROMISE_MOST_DAYS", default=14)
# Read again at each call by repayments.clock, which alone honors it: see there.
# FileAwareEnv would read NAME_FILE once, at start; this file is read at each call.
BUSINESS_DATE_FILE = env.ENVIRON.get("BUSINESS_DATE_FILE", "")
BUSINESS_DATE = "" if BUSINESS_DATE_FILE else env.str("BUSINESS_DATE", default="")
if (BUSINESS_DATE or BUSINESS_DATE_FILE) and not DEBUG:
    raise ImproperlyConfigured("BUSINESS_DATE moves the demo's clock and is refused without DEBUG.")

# --- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts.apps.AccountsConfig",
    "repayments.apps.RepaymentsConfig",
    "repayments.audit.apps.AuditConfig",
    "repayments.ledger.apps.LedgerConfig",
    "repayments.contacts.apps.ContactsConfig",
    "repayments.loans.apps.LoansConfig",
    "repayments.contracts.apps.ContractsConfig",
    "repayments.plans.apps.PlansConfig",
    "repayments.payments.apps.PaymentsConfig",
    "repayments.reminders.apps.RemindersConfig",
    "repayments.cases.apps.CasesConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "template_partials",
    "csp",
    "django.forms",
    "repayments.cases.apps.StaffPagesConfig",  # django.contrib.admin, with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "portal.logs.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionListMiddleware",
    "accounts.middleware.ReadersLanguageMiddleware",
    "accounts.middleware.StaffSecondFactorMiddleware",
    "accounts.middleware.PrivatePagesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.busy.BusyDatabaseMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.lender",
            ],
        },
    },
]

# --- Data ---------------------------------------------------------------------------------------
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")}
ON_POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
if ON_POSTGRESQL:
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"options": "-c lock_timeout=5s -c statement_timeout=30s"},
    }
else:
    # IMMEDIATE is the lock: select_for_update does nothing on SQLite.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        # Without recursive triggers a REPLACE deletes what is append-only, and no trigger sees it.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        " PRAGMA recursive_triggers=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.str("REDIS_URL", default="")
# Where several portals share one Redis.
REDIS_KEY_PREFIX = env.str("REDIS_KEY_PREFIX", default="")
# Rate limits live in the cache, so every process must share it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_KEY_PREFIX,
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache"}
}
BLOB_ROOT = Path(env.str("BLOB_ROOT", default=str(VAR_DIR / "blobs")))
SEALING_KEYS_DIR = Path(env.str("SEALING_KEYS_DIR", default=str(VAR_DIR / "keys")))
TIME_STAMP_URL = env.str("TIME_STAMP_URL", default="")

# --- Language and time --------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = not DEBUG
USE_TZ = True
# What accounts, which may not know repayments, asks for the time.
CLOCK = "repayments.clock.now"
# And which characters of a name no document can print.
FIND_UNPRINTABLE = "repayments.contracts.documents.find_unprintable"
TIME_ZONE = LENDER_TIME_ZONE

# --- Static files -------------------------------------------------------------------------------
STATIC_URL = "static/"
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

# --- Sign-in ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_FORMS = {"confirm_login_code": "accounts.forms.SignInCodeForm"}
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
# password1 stays although sign-up is closed: without it the sign-in form has no password field.
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
# Six digits, as the code for signing: a phone shows its large keys for them.
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ACCOUNT_SESSION_REMEMBER = False
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.forms.SecondStepForm",
    "reauthenticate": "accounts.forms.SecondStepAgainForm",
    "activate_totp": "accounts.forms.SetUpAppForm",
}
MFA_TOTP_ISSUER = "Borrower portal"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_HSTS_SECONDS = 0 if DEBUG else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
INVITATION_VALID_DAYS = 14

# --- Payment gateway ----------------------------------------------------------------------------
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="http://127.0.0.1:12111" if DEBUG else "")
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="sk_test_sandbox" if DEBUG else "")
STRIPE_WEBHOOK_SECRETS = env.list(
    "STRIPE_WEBHOOK_SECRETS", default=["whsec_sandbox"] if DEBUG else []
)
STRIPE_API_VERSION = env.str("STRIPE_API_VERSION", default="2026-10-28.endive")
if STRIPE_API_BASE and STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")):
    raise ImproperlyConfigured("A live Stripe key is refused together with STRIPE_API_BASE.")
STRIPE_TIMEOUT_SECONDS = 20
# What the gateway's page offers, of what its account has.
PAYMENT_METHODS = env.list("PAYMENT_METHODS", default=["card", "alipay", "wechat_pay"])
if not PAYMENT_METHODS or set(PAYMENT_METHODS) - {"card", "alipay", "wechat_pay"}:
    raise ImproperlyConfigured("PAYMENT_METHODS takes card, alipay and wechat_pay.")

# --- Content security policy --------------------------------------------------------------------
# Browsers apply form-action to the redirect behind a form too, so the gateway's page is named.
_CHECKOUT = [STRIPE_API_BASE] if STRIPE_API_BASE else ["https://checkout.stripe.com"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF, *_CHECKOUT],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Mail ---------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://" if not DEBUG else "dummymail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=LENDER_EMAIL)
# Development shows the outbox on a page instead of sending it: /dev/outbox/.
DEVELOPMENT_OUTBOX = DEBUG

# --- Celery -------------------------------------------------------------------------------------
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    # Longer than the longest task: a task still running would be started a second time.
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "visibility_timeout": 1800,
        "global_keyprefix": REDIS_KEY_PREFIX,
    }
    CELERY_WORKER_POOL = "prefork"
else:
    CELERY_BROKER_URL = "folder://"  # see portal.broker
    _BROKER = VAR_DIR / "broker"
    for _name in ("queue", "processed", "control"):
        (_BROKER / _name).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_BROKER / "queue"),
        "data_folder_out": str(_BROKER / "queue"),
        "processed_folder": str(_BROKER / "processed"),
        "control_folder": str(_BROKER / "control"),
        "store_processed": False,
        # At its default of a second the folder would give out two tasks a second, no more.
        "polling_interval": 0.1,
    }
    # Children of a folder's worker share one pipe and its lock: one killed while it waits would
    # take the lock with it, and the others would wait for ever. Threads end with their process.
    CELERY_WORKER_POOL = "threads"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_BACKEND = None
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = LENDER_TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
# Every entry names a sweep that may run twice, late, or not at all for a while.
CELERY_BEAT_SCHEDULE = {
    "close the day that is due": {
        "task": "repayments.tasks.close_due_day",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "send what is due": {
        "task": "repayments.contacts.tasks.sweep_messages",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "seal what is signed": {
        "task": "repayments.contracts.tasks.sweep_contracts",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "charge what was announced": {
        "task": "repayments.payments.tasks.sweep_charges",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "make, seal and withdraw settlement letters": {
        "task": "repayments.contracts.tasks.sweep_letters",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "make the daily head and have it time-stamped": {
        "task": "repayments.contracts.tasks.sweep_heads",
        "schedule": timedelta(minutes=10),
    },
    # Each run is one bounded batch; the night has enough of them.
    "remove contracts whose time to be kept is over": {
        "task": "repayments.contracts.tasks.apply_retention",
        "schedule": crontab(hour="1-4", minute="*/10"),
    },
    "hash stored files anew": {
        "task": "repayments.contracts.tasks.check_files",
        "schedule": crontab(hour="1-4", minute="5-55/10"),
    },
    "work the gateway's inbox": {
        "task": "repayments.payments.tasks.sweep_gateway_events",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "send refunds whose answer is missing": {
        "task": "repayments.payments.tasks.sweep_refunds",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "ask the gateway what was missed": {
        "task": "repayments.payments.tasks.reconcile_payments",
        "schedule": timedelta(minutes=10),
    },
    "look back at the gateway's last days": {
        "task": "repayments.payments.tasks.reconcile_nightly",
        "schedule": crontab(hour=3, minute=40),
    },
    "forget old failed calls": {
        "task": "repayments.payments.tasks.forget_failed_calls",
        "schedule": crontab(hour=4, minute=20),
    },
    "remove parts of files": {
        "task": "repayments.contracts.tasks.sweep_parts",
        "schedule": crontab(hour=4, minute=40),
    },
    "expire unanswered proposals": {
        "task": "repayments.plans.tasks.sweep_plans",
        "schedule": timedelta(minutes=10),
    },
    "open the cases that are due": {
        "task": "repayments.cases.tasks.sweep_cases",
        "schedule": timedelta(seconds=env.int("SWEEP_SECONDS", default=60)),
    },
    "check the books": {
        "task": "repayments.ledger.tasks.check_books",
        "schedule": crontab(hour=3, minute=30),
    },
}

# --- Logging ------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "portal.logs.RedactPersonalData"}},
    "formatters": {"json": {"()": "portal.logs.JsonFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["redact"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Without Django's own handlers, which would print each line a second time.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
