"""The product's settings as in production, less what a test cannot have: TLS, built static files.

``DATABASE_URL`` chooses the engine of a run; without it SQLite, as a file, because the threads of a
race test need the locking of a real one.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_FOLDER = Path(tempfile.mkdtemp(prefix="portal-tests-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
# Said here, all of it, so that a developer's .env changes nothing.
os.environ.update(
    DEBUG="0",
    SECRET_KEY="for-tests-only-" + "t" * 48,
    ALLOWED_HOSTS="testserver,localhost,127.0.0.1",
    SITE_URL="https://portal.example",
    VAR_DIR=str(_FOLDER),
    BLOB_ROOT=str(_FOLDER / "blobs"),
    SEALING_KEYS_DIR=str(_FOLDER / "keys"),
    LENDER_TIME_ZONE="Asia/Shanghai",
    BUSINESS_DATE="",
    REDIS_URL="",
    TIME_STAMP_URL="",
    TRUSTED_PROXY_COUNT="0",
    STRIPE_API_BASE="",
    STRIPE_SECRET_KEY="sk_test_for_tests",
    STRIPE_WEBHOOK_SECRETS="whsec_test",
    SECURE_SSL_REDIRECT="0",
    EMAIL_URL="dummymail://",
    LOG_LEVEL="WARNING",
)
os.environ.pop("BUSINESS_DATE_FILE", None)
# Playwright keeps an event loop in the thread of the tests that drive a browser.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_FOLDER / 'portal.sqlite3'}")

from portal.settings import *  # noqa: E402, F403 - the environment above comes first
from portal.settings import CELERY_BROKER_TRANSPORT_OPTIONS, DATABASES, ON_POSTGRESQL, STORAGES  # noqa: E402

# A test database need not survive a power cut.
if not ON_POSTGRESQL:
    DATABASES["default"]["TEST"] = {"NAME": str(_FOLDER / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
else:
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
# Tests assert words in the language of the source; Chinese pages ask for it by cookie.
LANGUAGE_CODE = "en"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = _FOLDER / "static"
STATIC_ROOT.mkdir()
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS.clear()
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
