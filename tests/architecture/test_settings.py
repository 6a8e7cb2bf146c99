"""Settings that promises rest on (reliability), and files that must agree with them."""

import ast
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab
from django.conf import settings

from portal.celery import app

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST_TASK_SECONDS = 600


def run_manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    names = ("PATH", "HOME", "LANG")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return subprocess.run(  # noqa: S603 - our own interpreter, our own arguments
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def production(folder: Path) -> dict[str, str]:
    return {
        "DEBUG": "0",
        "SECRET_KEY": "x7#Qm2!vL9@pR4$tZ8^wK1&yB6*nD3(hF5)jG0-cS_eA+uW=oI",
        "ALLOWED_HOSTS": "portal.example.com",
        "SITE_URL": "https://portal.example.com",
        "VAR_DIR": str(folder),
        "STRIPE_SECRET_KEY": "sk_live_checked_by_a_test",
        "STRIPE_WEBHOOK_SECRETS": "whsec_checked_by_a_test",
    }


def test_p13_production_settings_are_clean(tmp_path: Path) -> None:
    finished = run_manage("check", "--deploy", "--fail-level", "WARNING", **production(tmp_path))

    assert finished.returncode == 0, finished.stderr


def test_p13_the_check_would_see_an_unsafe_setting(tmp_path: Path) -> None:
    environment = production(tmp_path) | {"SECURE_SSL_REDIRECT": "0"}

    finished = run_manage("check", "--deploy", "--fail-level", "WARNING", **environment)

    assert finished.returncode == 1


def test_without_a_secret_key_nothing_starts(tmp_path: Path) -> None:
    environment = production(tmp_path) | {"SECRET_KEY": ""}

    finished = run_manage("check", **environment)

    assert finished.returncode != 0
    assert "SECRET_KEY is not set" in finished.stderr


def test_a_live_key_is_refused_beside_the_sandbox(tmp_path: Path) -> None:
    environment = production(tmp_path) | {"STRIPE_API_BASE": "http://127.0.0.1:12111"}

    assert "refused" in run_manage("check", **environment).stderr


def test_the_moved_clock_is_refused_in_production(tmp_path: Path) -> None:
    environment = production(tmp_path) | {"BUSINESS_DATE": "2026-12-01"}

    assert "refused without DEBUG" in run_manage("check", **environment).stderr


def test_celery_loses_and_repeats_as_little_as_it_can() -> None:
    assert app.conf.task_acks_late is True
    assert app.conf.task_reject_on_worker_lost is True
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_time_limit <= LONGEST_TASK_SECONDS
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    assert app.conf.task_serializer == "json"
    assert app.conf.accept_content == ["json"]
    assert app.conf.worker_max_tasks_per_child > 0
    assert app.conf.worker_max_memory_per_child > 0
    assert app.conf.broker_connection_retry_on_startup is True
    assert app.conf.result_backend is None
    assert app.conf.task_ignore_result is True


def test_on_redis_no_running_task_is_started_a_second_time(tmp_path: Path) -> None:
    asks = "from django.conf import settings as s; print(s.CELERY_BROKER_TRANSPORT_OPTIONS)"
    environment = production(tmp_path) | {"REDIS_URL": "redis://127.0.0.1:6379/9"}
    options = ast.literal_eval(run_manage("shell", "-v0", "-c", asks, **environment).stdout)

    assert options["visibility_timeout"] > LONGEST_TASK_SECONDS


def test_every_beat_entry_names_a_task() -> None:
    app.loader.import_default_modules()
    named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert named
    assert sorted(named - set(app.tasks)) == []


def test_every_beat_entry_comes_round_within_a_day() -> None:
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        schedule = entry["schedule"]
        assert isinstance(schedule, timedelta | crontab), name
        if isinstance(schedule, timedelta):
            assert timedelta(0) < schedule <= timedelta(days=1), name


def variables_read() -> set[str]:
    """The first argument of each ``env.…("NAME")`` and ``env.ENVIRON.get("NAME")``."""
    tree = ast.parse((ROOT / "portal" / "settings.py").read_text(encoding="utf-8"))
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).startswith("env.")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and re.fullmatch(r"[A-Z][A-Z_]+", str(node.args[0].value))
    }


def test_env_example_and_settings_name_the_same_variables() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE))

    assert explained == variables_read()


def test_env_example_has_a_sentence_for_each_variable() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    variable = re.compile(r"^(?:# )?[A-Z][A-Z_]+=")
    bare = []
    for number, line in enumerate(lines):
        # Variables of one group may share the sentence above the first.
        above = next((text for text in reversed(lines[:number]) if not variable.match(text)), "")
        if variable.match(line) and not above.startswith("# "):
            bare.append(line)

    assert bare == []


def test_a_visitor_without_a_choice_reads_chinese() -> None:
    source = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    assert 'LANGUAGE_CODE = "zh-hans"' in source
